"""The fast forms of the events that the consumer writes, equal to their contracts in `schemas.events`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat

import msgspec

from consumer.ranges import NO_RANGES, BatchRanges
from schemas.decoding import DecodedListing
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.shards import answer_source
from schemas.stamp import Stamp

encode = msgspec.json.Encoder().encode
encode_lines = msgspec.json.Encoder().encode_lines
NOTHING: Mapping[int, Sequence[str]] = {}
NOTHING_STORED: Mapping[int, msgspec.Raw] = {}
NOTHING_STAMPED: Mapping[int, Stamp] = {}


def now_rfc3339() -> str:
    """The time that answers carry, in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Problem(msgspec.Struct, gc=False):
    field: str
    message: str


class _PredictionData(msgspec.Struct, gc=False, omit_defaults=True):
    listing_id: str
    listing_source: str
    prediction: float | str
    model: Stamp
    imputed: Sequence[str]
    unusual: Sequence[str]
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    labels: dict[str, str] | None = None
    stored: msgspec.Raw | None = None
    interval: Sequence[float] | None = None
    candidates: msgspec.Raw | None = None
    coverage: float | None = None


class _DeadLetterData(msgspec.Struct, gc=False):
    listing_id: str | None
    listing_source: str
    reason: str
    errors: Sequence[_Problem]
    payload: str | None
    payload_encoding: str
    payload_bytes: int
    payload_sha256: str
    delivery_count: int
    consumer: str


class _Event(msgspec.Struct, gc=False, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    time: str
    data: msgspec.Struct
    subject: str | None = None
    traceparent: str | None = None


class AnswerEncoder:
    """Encodes the answers of one domain.

    Args:
        domain: whose listings are answered.
        max_payload_bytes: how much of a refused payload is kept; its size and hash are kept in any case.
        shard: of the listings.
    """

    def __init__(self, domain: Domain, max_payload_bytes: int, shard: int = 0) -> None:
        self._source = answer_source(domain.name, shard)
        self._target = domain.target
        self._max_payload_bytes = max_payload_bytes

    def predictions(  # noqa: PLR0913, PLR0917 - as many as the event has parts
        self,
        entry_ids: Sequence[str],
        time: str,
        listings: Sequence[DecodedListing],
        predictions: Sequence[float],
        model: Stamp,
        imputed: Mapping[int, Sequence[str]] = NOTHING,
        unusual: Mapping[int, Sequence[str]] = NOTHING,
        stored: Mapping[int, msgspec.Raw] = NOTHING_STORED,
        ranges: BatchRanges = NO_RANGES,
        stamps: Mapping[int, Stamp] = NOTHING_STAMPED,
    ) -> bytes:
        """A regression's predictions in the target's unit, a line for each.

        Keys of `imputed`, `unusual`, `stored` and `stamps`, which differ from `model`, are positions in the batch, and
        `ranges` has an interval for each row. JSON escapes newlines, so a line holds one event.
        """
        data = [
            _PredictionData(
                listing.id,
                listing.source or "",
                prediction,
                model,
                imputed.get(row, ()),
                unusual.get(row, ()),
                stored=stored.get(row),
                interval=interval,
                coverage=coverage,
            )
            for row, (listing, prediction, interval, coverage) in enumerate(
                zip(listings, predictions, ranges.each or repeat(None), ranges.coverage or repeat(None), strict=False)
            )
        ]
        for row, stamp in stamps.items():
            data[row].model = stamp
        return self._answers("listing.scored", entry_ids, time, data, listings)

    def classifications(  # noqa: PLR0913, PLR0917 - as many as the event has parts
        self,
        entry_ids: Sequence[str],
        time: str,
        listings: Sequence[DecodedListing],
        probabilities: Sequence[Sequence[float]],
        model: Stamp,
        imputed: Mapping[int, Sequence[str]] = NOTHING,
        unusual: Mapping[int, Sequence[str]] = NOTHING,
        stored: Mapping[int, msgspec.Raw] = NOTHING_STORED,
        ranges: BatchRanges = NO_RANGES,
        stamps: Mapping[int, Stamp] = NOTHING_STAMPED,
        *,
        winners: Sequence[int],
    ) -> bytes:
        """A classification's predictions, a line for each, from probabilities in the order of the target's classes.

        `winners` are the positions of the predicted classes; the rest is as of `predictions`.
        """
        data = [
            self._classified(
                listing, shares, winner, model, imputed.get(row, ()), unusual.get(row, ()), stored.get(row)
            )
            for row, (listing, shares, winner) in enumerate(zip(listings, probabilities, winners, strict=True))
        ]
        for one, candidates, coverage in zip(data, ranges.each, ranges.coverage, strict=False):
            one.candidates, one.coverage = candidates, coverage
        for row, stamp in stamps.items():
            data[row].model = stamp
        return self._answers("listing.scored", entry_ids, time, data, listings)

    def _classified(
        self,
        listing: DecodedListing,
        probabilities: Sequence[float],
        winner: int,
        model: Stamp,
        imputed: Sequence[str],
        unusual: Sequence[str],
        stored: msgspec.Raw | None,
    ) -> _PredictionData:
        name = self._target.classes[winner]
        return _PredictionData(
            listing.id,
            listing.source or "",
            name,
            model,
            imputed,
            unusual,
            dict(zip(self._target.classes, probabilities, strict=True)),
            probabilities[winner],
            {label: values[name] for label, values in self._target.labels.items()} or None,
            stored,
        )

    def dead_letter(
        self,
        entry_id: str,
        time: str,
        refused: RefusedListingError,
        payload: bytes | None,
        delivery_count: int,
        consumer: str,
    ) -> bytes:
        """A dead letter; `payload` is None if it is gone."""
        text, encoding = self._kept(payload)
        whole = payload or b""
        data = _DeadLetterData(
            refused.listing_id,
            refused.listing_source,
            refused.reason,
            [_Problem(e.field, e.message) for e in refused.errors],
            text,
            encoding,
            len(whole),
            hashlib.sha256(whole).hexdigest(),
            delivery_count,
            consumer,
        )
        return encode(_Event("1.0", entry_id, self._source, "listing.refused", time, data))

    def _answers(
        self,
        kind: str,
        entry_ids: Sequence[str],
        time: str,
        data: Sequence[msgspec.Struct],
        listings: Sequence[DecodedListing],
    ) -> bytes:
        events = [
            _Event("1.0", entry_id, self._source, kind, time, one, listing.subject, listing.traceparent)
            for entry_id, one, listing in zip(entry_ids, data, listings, strict=True)
        ]
        return encode_lines(events)

    def _kept(self, payload: bytes | None) -> tuple[str | None, str]:
        if payload is None:
            return None, "text"
        kept = payload[: self._max_payload_bytes]
        try:
            payload.decode()
        except UnicodeDecodeError:
            return base64.b64encode(kept).decode(), "base64"
        # the cut may fall inside a character
        return kept.decode(errors="ignore"), "text"
