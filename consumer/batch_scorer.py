"""From entries to outcomes: decode and validate, one scoring call, encode. No I/O happens here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import nan
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from consumer.answer_encoder import NOTHING_STAMPED, AnswerEncoder, encode_lines, now_rfc3339
from consumer.batch import Refusal, ScoredBatch, pack_rows
from consumer.dead_letter_writer import DeadLetterWriter
from consumer.decoded_batch import DecodedBatch
from consumer.metrics import PRICE_KINDS
from consumer.ranges import ranges_of
from consumer.replies import name_beside
from consumer.requests import RequestChooser, encode_requests
from consumer.row_scorer import RowScorer, RowScores
from consumer.served_model import ServedModel, ServedRollout
from schemas.classes import winners_of
from schemas.decoding import DecodedListing, ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.rows import RowBuilder
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from schemas.window import row_dtype
from transport.consumer_group import Entry

LARGEST_TEXT_BYTES = 400_000_000
"""Redis takes texts of up to 512 MB (`proto-max-bulk-len`); a dead letter may be six times its payload."""


class BatchScorer:
    """Scores batches of one domain's entries.

    Args:
        domain: whose contract the listings must satisfy.
        settings: limits of payloads and of the window.
        consumer: the name that dead letters carry.
        shard: of the entries.

    Attributes:
        dead_letters: makes the dead letters of entries that are not scored.
        rows: scores the listings, the one part that another thread may do.
    """

    def __init__(self, domain: Domain, settings: Settings, consumer: str, shard: int = 0) -> None:
        self._has_store = has_store = settings.features.is_on
        self._decoder = ListingDecoder(domain, settings.limits, may_lack=has_store, absent=nan)
        self._builder = RowBuilder(domain)
        self._encoder = AnswerEncoder(domain, settings.limits.max_payload_bytes, shard)
        self._classes = domain.target.classes
        self._dtype = row_dtype(domain)
        self._share = settings.explain.share
        self._requests = RequestChooser(self._share)
        self._rows_kept = settings.window.full_batch_rows
        self.dead_letters = DeadLetterWriter(self._decoder, self._encoder, consumer)
        self.rows = RowScorer(domain, self.dead_letters, settings.rollout.timeout_s, has_store=has_store)

    def decode(self, entries: Sequence[Entry]) -> DecodedBatch:
        """Decode and validate entries. Listings may still lack features that the store has."""
        time, begin = now_rfc3339(), perf_counter()
        beside: dict[bytes, str] = {}
        listings, refusals = self._decode(entries, time, beside)
        places = [place for place in range(len(entries)) if place not in refusals] if refusals else range(len(entries))
        matrix = self._builder.matrix(listings)
        return DecodedBatch(
            entries=entries,
            time=time,
            listings=listings,
            places=places,
            matrix=matrix,
            refusals=refusals,
            beside=beside,
            decode_s=perf_counter() - begin,
            has_gaps=self._has_store and bool(np.isnan(matrix).any()),
        )

    def score(self, decoded: DecodedBatch, model: ServedModel, rollout: ServedRollout | None = None) -> ScoredBatch:
        """The outcome of each entry: bad rows apart from good ones, and one scoring call of a model for all good ones.

        Args:
            decoded: the batch.
            model: the champion.
            rollout: whose challenger scores what it concerns too; None where there is none.

        Raises:
            OverflowError: the outcomes are more than Redis takes at once; those of one entry never are.
        """
        return self.outcomes(self.rows.score(decoded, model, rollout))

    def outcomes(self, rows: RowScores) -> ScoredBatch:
        """The outcome of each entry of a batch whose rows are scored; raises as `score`."""
        decoded, model, arms, scores, gaps = rows.batch, rows.model, rows.arms, rows.scores, rows.gaps
        matrix, listings = decoded.matrix, decoded.listings
        values = scores
        if self._classes:
            winners = winners_of(scores, self._classes, model.threshold)
            values = (arms.winners(winners, self._classes) if arms else winners).astype(np.float64)
        imputed = self._builder.named(gaps)
        low, high = arms.bounds(model) if arms else (model.low, model.high)
        unusual = self._builder.named((matrix < low) | (matrix > high))
        is_asked = self._share or True in [listing.explain for listing in listings]
        wanted = self._requests.choose(listings) if is_asked else ()
        ids = [decoded.entries[place].id for place in decoded.places]
        stride = -(-len(ids) // self._rows_kept) or 1
        encode = self._encoder.predictions
        if self._classes:
            encode = partial(self._encoder.classifications, winners=values.astype(np.int64).tolist())
        numbers, stored = scores.tolist(), decoded.stored
        ranges = ranges_of(model.scorer.calibration, scores, values, self._classes)
        ranges = arms.ranges(ranges, values, self._classes) if arms else ranges
        stamp = arms.champion_stamp(model.stamp) if arms else model.stamp
        stamps = arms.challenger_stamps(model.stamp) if arms else NOTHING_STAMPED
        flags = _flags(imputed, unusual, wanted, len(ids))
        origins = [arms.origin(row, model) if arms else model for row in wanted]
        texts = _texts_of(ids)
        batch = ScoredBatch(
            entry_ids=ids,
            events=encode(texts, decoded.time, listings, numbers, stamp, imputed, unusual, stored, ranges, stamps),
            identities=encode_lines([(listing.source or "", listing.id) for listing in listings]),
            reply_to=_reply_names(ids, listings, decoded.beside),
            stamp=stamp,
            rows=pack_rows(self._dtype, ids[::stride], matrix[::stride], values[::stride]),
            stride=stride,
            values=values.astype("<f8").tobytes(),
            flags=arms.flagged(flags) if arms else flags,
            requests=encode_requests(listings, wanted, stored, origins) if wanted else b"",
            total=rows.total if scores is values else float(values.sum()),
            total_squares=float(values @ values),
            imputed=Counter(name for names in imputed.values() for name in names),
            unusual=Counter(name for names in unusual.values() for name in names),
            stored=decoded.stored_counts,
            invalid_stored=decoded.invalid_stored,
            lookups=decoded.lookup_results,
            kinds=self._kinds(values, model.usual),
            arms=arms.for_commit(ids, listings, values, self._classes, model.threshold) if arms else None,
            decode_s=decoded.decode_s,
            score_s=rows.score_s,
        )
        if decoded.refusals:
            batch.add([refusal for _, refusal in sorted(decoded.refusals.items())])
        if len(batch.events) > LARGEST_TEXT_BYTES and len(decoded.entries) > 1:
            raise OverflowError(f"events of {len(batch.events):,} bytes are too much for one commit")
        return batch

    def _decode(
        self, entries: Sequence[Entry], time: str, beside: dict[bytes, str]
    ) -> tuple[list[DecodedListing], dict[int, Refusal]]:
        """The good listings in order, and the refusals of the others by their place in the batch.

        `beside` gets the reply names that stand in a field of an entry, by its id.
        """
        payloads = [
            flat[1]
            if len(flat := entry.flat or ()) == 2 and flat[0] == DATA_FIELD  # noqa: PLR2004 - as nearly all are
            else _payload_and_name(entry, beside)
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
            except RefusedListingError as error:
                refusals[place] = self.dead_letters.refusal_of(entry, error, payload, time)
        return listings, refusals

    def _kinds(self, values: NDArray[np.float64], usual: tuple[float, float] | None) -> dict[str, int]:
        """How many predictions are of each class, or how many prices are below, within and above the usual range."""
        if self._classes:
            counts = np.bincount(values.astype(np.int64), minlength=len(self._classes))
            return dict(zip(self._classes, counts.tolist(), strict=True))
        low, high = usual or (-np.inf, np.inf)
        counts = np.bincount((values > high) * 1 + (values >= low), minlength=len(PRICE_KINDS))
        return dict(zip(PRICE_KINDS, counts.tolist(), strict=True))


def _payload_and_name(entry: Entry, beside: dict[bytes, str]) -> bytes:
    """The payload of an entry with other fields than `data`; its reply name goes to `beside`."""
    name = name_beside(entry)
    if name is not None:
        beside[entry.id] = name
    return entry.fields.get(DATA_FIELD, b"")


def _reply_names(
    ids: Sequence[bytes], listings: Sequence[DecodedListing], beside: Mapping[bytes, str]
) -> Sequence[str]:
    names = [listing.replyto for listing in listings]
    if not beside and not any(names):
        return ()
    return [beside.get(entry_id, name or "") for entry_id, name in zip(ids, names, strict=True)]


def _texts_of(ids: Sequence[bytes]) -> list[str]:
    # one decoding of all is four times as fast as one of each
    return b"\n".join(ids).decode().split("\n") if ids else []


def _flags(imputed: Mapping[int, object], unusual: Mapping[int, object], wanted: Sequence[int], count: int) -> bytes:
    flags = bytearray(count)
    for row in imputed:
        flags[row] |= 1
    for row in unusual:
        flags[row] |= 2
    for row in wanted:
        flags[row] |= 4
    return bytes(flags)
