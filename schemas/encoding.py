"""The fast forms of the events that the consumer writes, equal to their contracts in `schemas.events`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import msgspec

from schemas.classes import winner_of
from schemas.decoding import DecodedListing
from schemas.domain import Domain
from schemas.errors import RefusedListingError

encode = msgspec.json.Encoder().encode


class Stamp(msgspec.Struct, gc=False):
    """Which model predicted."""

    version: str
    activation: str


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


class _RepeatData(msgspec.Struct, gc=False):
    listing_id: str
    listing_source: str


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
    """

    def __init__(self, domain: Domain, max_payload_bytes: int) -> None:
        self._source = f"tasador/{domain.name}"
        self._target = domain.target
        self._max_payload_bytes = max_payload_bytes

    def prediction(
        self,
        entry_id: str,
        time: str,
        listing: DecodedListing,
        prediction: float,
        model: Stamp,
        imputed: Sequence[str] = (),
        unusual: Sequence[str] = (),
    ) -> bytes:
        """A regression's prediction, in the target's unit."""
        data = _PredictionData(listing.id, listing.source or "", prediction, model, imputed, unusual)
        return self._answer("listing.scored", entry_id, time, data, listing)

    def classification(
        self,
        entry_id: str,
        time: str,
        listing: DecodedListing,
        probabilities: Sequence[float],
        model: Stamp,
        imputed: Sequence[str] = (),
        unusual: Sequence[str] = (),
    ) -> bytes:
        """A classification's prediction, from the probabilities in the order of the target's classes."""
        confidence = max(probabilities)
        name = winner_of(probabilities, self._target.classes)
        data = _PredictionData(
            listing.id,
            listing.source or "",
            name,
            model,
            imputed,
            unusual,
            dict(zip(self._target.classes, probabilities, strict=True)),
            confidence,
            {label: values[name] for label, values in self._target.labels.items()} or None,
        )
        return self._answer("listing.scored", entry_id, time, data, listing)

    def repeat(self, entry_id: str, time: str, listing: DecodedListing) -> bytes:
        """The record of a dropped repeat."""
        return self._answer("listing.repeated", entry_id, time, _RepeatData(listing.id, listing.source or ""), listing)

    def dead_letter(
        self,
        entry_id: str,
        time: str,
        refused: RefusedListingError,
        payload: bytes | None,
        delivery_count: int,
        consumer: str,
    ) -> bytes:
        """A dead letter; `payload` is None where it is gone."""
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

    def _answer(self, kind: str, entry_id: str, time: str, data: msgspec.Struct, listing: DecodedListing) -> bytes:
        event = _Event("1.0", entry_id, self._source, kind, time, data, listing.subject, listing.traceparent)
        return encode(event)

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
