"""Requests for explanations: which predictions of a batch are to be explained, and what an explainer gets of them.

A client asks with `explain` in the event; `explain.share` of all other listings is drawn at random. The commit script
writes the requests; a request can never cost an entry its outcome. Nothing is explained in a consumer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from consumer.answer_encoder import encode_lines
from consumer.served_model import ServedModel
from schemas.decoding import DecodedListing

REQUEST_RESULTS = ("written", "full", "failed", "forbidden")
"""What became of requests: written; not written because `explain.max_requests` wait already; not written for another
reason, such as a key of the wrong type; not written because the user may not write requests."""


class _Request(msgspec.Struct, gc=False):
    """The fast form of `schemas.explanations.ExplainRequest`."""

    features: Any
    digest: str
    uri: str


class RequestChooser:
    """Chooses the predictions to explain.

    Args:
        share: of the listings that do not say whether they want an explanation.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._random = np.random.default_rng()

    def choose(self, listings: Sequence[DecodedListing]) -> list[int]:
        """The positions of the listings to explain, in order."""
        asked = [row for row, listing in enumerate(listings) if listing.explain]
        if not self._share:
            return asked
        drawn = np.flatnonzero(self._random.random(len(listings)) < self._share).tolist()
        return sorted({*asked, *(row for row in drawn if listings[row].explain is None)})


def encode_requests(
    listings: Sequence[DecodedListing],
    rows: Sequence[int],
    stored: Mapping[int, msgspec.Raw],
    models: Sequence[ServedModel],
) -> bytes:
    """A line of JSON for each request.

    Args:
        listings: of the batch.
        rows: positions of those to explain.
        stored: JSON objects of the values that were taken from the store, by row.
        models: that predicted these rows.
    """
    each = zip(rows, models, strict=True)
    return encode_lines([_Request(_features(listings[r], stored.get(r)), m.digest, m.uri) for r, m in each])


def _features(listing: DecodedListing, stored: msgspec.Raw | None) -> Any:
    """The features as they were scored: the event's own, and what it lacked from the store."""
    if stored is None:
        return listing.data
    own: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(listing.data))
    return own | msgspec.json.decode(stored)
