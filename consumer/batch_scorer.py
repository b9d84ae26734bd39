"""From entries to outcomes: decode and validate, one scoring call, encode. No I/O happens here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from consumer.answer_encoder import AnswerEncoder, encode, encode_lines
from consumer.batch import Entry, Refusal, ScoredBatch, all_refused
from consumer.metrics import PRICE_KINDS
from registry.scorer import Scorer
from schemas.classes import winners_of
from schemas.decoding import DecodedListing, ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import FieldError, RefusedListingError
from schemas.refusals import Reason
from schemas.rows import Matrix, RowBuilder
from schemas.sections import RateLimitSettings
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD
from schemas.window import pack_rows, row_dtype

LARGEST_TEXT_BYTES = 400_000_000
"""Redis takes texts of up to 512 MB (`proto-max-bulk-len`); a dead letter may be six times its payload."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model in charge: what scores, its stamp on predictions, and what was usual in training.

    `low` and `high` are the ranges of the columns, `usual` that of predictions; None of a classification.
    """

    scorer: Scorer
    stamp: Stamp
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    usual: tuple[float, float] | None = None


def now_rfc3339() -> str:
    """The time that answers carry, in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BatchScorer:
    """Scores batches of one domain's entries.

    Args:
        domain: whose contract the listings must satisfy.
        settings: limits of payloads and of the window.
        consumer: the name that dead letters carry.
    """

    def __init__(self, domain: Domain, settings: Settings, consumer: str) -> None:
        self._decoder = ListingDecoder(domain, settings.limits)
        self._builder = RowBuilder(domain)
        self._encoder = AnswerEncoder(domain, settings.limits.max_payload_bytes)
        self._is_classification = domain.task == "classification"
        self._classes = domain.target.classes
        self._dtype = row_dtype(domain)
        self._rows_kept = settings.window.full_batch_rows
        self._consumer = consumer

    def score(self, entries: Sequence[Entry], model: ServedModel) -> ScoredBatch:
        """The outcome of each entry: bad rows apart from good ones, and one scoring call for all that are good.

        Raises:
            OverflowError: the outcomes are more than Redis takes at once; those of one entry never are.
        """
        time, begin = now_rfc3339(), perf_counter()
        listings, refusals = self._decode(entries, time)
        places = [place for place in range(len(entries)) if place not in refusals] if refusals else range(len(entries))
        matrix = self._builder.matrix(listings)
        decoded = perf_counter()
        scores = model.scorer.score(matrix) if listings else np.empty((0, len(self._classes)) if self._classes else 0)
        scored = perf_counter()
        values = winners_of(scores, self._classes).astype(np.float64) if self._classes else scores
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(scores.sum())
        if not isfinite(total) and not np.isfinite(scores).all():
            return self._without_broken_scores(entries, model, places, scores)
        gaps, strange = np.isnan(matrix), (matrix < model.low) | (matrix > model.high)
        imputed, unusual = self._builder.named(gaps), self._builder.named(strange)
        ids = [entries[place].id for place in places]
        stride = -(-len(ids) // self._rows_kept) or 1
        batch = ScoredBatch(
            ids,
            self._encode(ids, time, listings, scores, model.stamp, imputed, unusual),
            encode_lines([(listing.source or "", listing.id) for listing in listings]),
            (),
            model.stamp,
            pack_rows(self._dtype, ids[::stride], matrix[::stride], values[::stride]),
            stride,
            values.astype("<f8").tobytes(),
            _flags(imputed, unusual, len(ids)),
            total if scores is values else float(values.sum()),
            float(values @ values),
            Counter(name for names in imputed.values() for name in names),
            Counter(name for names in unusual.values() for name in names),
            self._kinds(values, model.usual),
            decoded - begin,
            scored - decoded,
        )
        if refusals:
            batch.add([*refusals.values()])
        if len(batch.events) > LARGEST_TEXT_BYTES and len(entries) > 1:
            raise OverflowError(f"events of {len(batch.events):,} bytes are too much for one commit")
        return batch

    def _decode(self, entries: Sequence[Entry], time: str) -> tuple[list[DecodedListing], dict[int, Refusal]]:
        """The good listings in order, and what the others get, by their place in the batch."""
        payloads = [
            flat[1]
            if len(flat := entry.flat or ()) == 2 and flat[0] == DATA_FIELD  # noqa: PLR2004 - as nearly all are
            else entry.fields.get(DATA_FIELD, b"")
            for entry in entries
        ]
        listings = self._decoder.decode_all(payloads)
        if listings is not None:
            return listings, {}
        listings, refusals = [], {}
        for place, entry in enumerate(entries):
            payload: bytes | None = None
            try:
                payload = payload_of(entry.fields)
                listings.append(self._decoder.decode(payload))
            except RefusedListingError as refused:
                refusals[place] = self._refusal(entry, refused, payload, time)
        return listings, refusals

    def refuse(self, entry: Entry, reason: Reason, message: str) -> ScoredBatch:
        """A batch of one dead letter, for an entry that is not scored at all."""
        return all_refused([self._refused(entry, reason, message)])

    def limit(self, entries: Sequence[Entry], limit: RateLimitSettings) -> ScoredBatch:
        """A batch of dead letters, for entries that came faster than their source may send."""
        time, message = now_rfc3339(), f"more than {limit.burst} at once and {limit.events_per_s:g} a second after that"
        return all_refused([self._limited(entry, message, time) for entry in entries])

    def _limited(self, entry: Entry, message: str, time: str) -> Refusal:
        payload: bytes | None = None
        found = FieldError("source", message)
        try:
            payload = payload_of(entry.fields)
            listing = self._decoder.decode(payload)
            limited = RefusedListingError(Reason.RATE_LIMITED, (found,), listing.id, listing.source or "")
        except RefusedListingError as bad:
            errors = (found, *bad.errors)
            limited = RefusedListingError(Reason.RATE_LIMITED, errors, bad.listing_id, bad.listing_source)
        return self._refusal(entry, limited, payload, time)

    def _refused(self, entry: Entry, reason: Reason, message: str) -> Refusal:
        try:
            payload = payload_of(entry.fields)
        except RefusedListingError:
            payload = None
        return self._refusal(entry, RefusedListingError(reason, (FieldError("", message),)), payload, now_rfc3339())

    def _refusal(self, entry: Entry, refused: RefusedListingError, payload: bytes | None, time: str) -> Refusal:
        if payload is None and entry.flat is not None:
            # a foreign entry: its fields, as far as they are text, are all there is to show
            text = {
                k.decode(errors="backslashreplace"): v.decode(errors="backslashreplace")
                for k, v in entry.fields.items()
            }
            payload = encode(text)
        entry_id = entry.id.decode()
        event = self._encoder.dead_letter(entry_id, time, refused, payload, entry.deliveries, self._consumer)
        return Refusal(entry.id, refused.reason, (refused.listing_source, refused.listing_id or ""), event)

    def _kinds(self, values: NDArray[np.float64], usual: tuple[float, float] | None) -> dict[str, int]:
        """How many predictions are of each class, or how many prices are like none that training led to."""
        if self._is_classification:
            counts = np.bincount(values.astype(np.int64), minlength=len(self._classes))
            return dict(zip(self._classes, counts.tolist(), strict=True))
        low, high = usual or (-np.inf, np.inf)
        counts = np.bincount((values > high) * 1 + (values >= low), minlength=len(PRICE_KINDS))
        return dict(zip(PRICE_KINDS, counts.tolist(), strict=True))

    def _encode(
        self,
        ids: Sequence[bytes],
        time: str,
        listings: Sequence[DecodedListing],
        scores: Matrix,
        stamp: Stamp,
        imputed: Mapping[int, Sequence[str]],
        unusual: Mapping[int, Sequence[str]],
    ) -> bytes:
        encode_all = self._encoder.classifications if self._is_classification else self._encoder.predictions
        texts = b"\n".join(ids).decode().split("\n") if ids else []
        return encode_all(texts, time, listings, scores.tolist(), stamp, imputed, unusual)

    def _without_broken_scores(
        self, entries: Sequence[Entry], model: ServedModel, places: Sequence[int], scores: Matrix
    ) -> ScoredBatch:
        """A score that is no number is no price: those listings are given up, and the others are scored again."""
        rows = np.isfinite(scores).reshape(len(places), -1)
        bad = {place for place, row in zip(places, rows, strict=True) if not row.all()}
        batch = self.score([e for place, e in enumerate(entries) if place not in bad], model)
        message = "the model's answer is not a finite number"
        batch.add([self._refused(entries[place], Reason.POISON, message) for place in sorted(bad)])
        return batch


def _flags(imputed: Mapping[int, object], unusual: Mapping[int, object], count: int) -> bytes:
    flags = bytearray(count)
    for row in imputed:
        flags[row] |= 1
    for row in unusual:
        flags[row] |= 2
    return bytes(flags)
