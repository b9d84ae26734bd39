"""Joins outcomes with their predictions, whichever comes first; handles late, corrected, repeated and orphaned ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import redis.asyncio
from msgspec.structs import astuple

from monitoring.outcomes import coverage
from monitoring.outcomes.change_detection import REMEMBERED
from monitoring.outcomes.guarded_writes import GuardedWrites, commit_all
from monitoring.outcomes.pending_outcome import PendingOutcome
from monitoring.outcomes.prediction_index import (
    DAY_MS,
    HOUR_MS,
    KEPT_DAYS,
    IndexedPrediction,
    PredictionIndex,
    add_to_sums,
)
from monitoring.outcomes.segments import CutPoints, find_parts
from monitoring.outcomes.sums import contribution, loss, sum_field
from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.sections import LimitSettings, OutcomeSettings
from schemas.shards import split_entry
from schemas.streams import MONITORS, Streams
from transport.entries import EntryId

logger = logging.getLogger(__name__)

JoinResult = Literal["joined", "corrected", "repeated", "waiting", "invalid", "overtaken"]
FindOlder = Callable[[Sequence[str]], Awaitable[dict[str, IndexedPrediction]]]
"""Finds predictions that are no longer in the index, by identity."""
_ATTEMPTS = 5
_Pair = tuple[PendingOutcome, IndexedPrediction]


class _Stored(NamedTuple):
    """What Redis holds for an outcome and its prediction; "" for nothing."""

    joined: str
    waiting: str
    listing: Mapping[bytes, bytes] | None


class Joiner:
    """Joins the outcomes of one domain.

    One script joins an outcome and acknowledges it, so a monitor may crash at any moment and another take over without
    counting anything twice.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain of the outcomes.
        settings: what counts as far off, and for how long predictions are indexed.
        limits: for decoding listings.
        index: the index of recent predictions.
        find_older: finds predictions that the index does not hold.

    Attributes:
        cut_points: cut points of the segments, from the active model's reference.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        domain: Domain,
        settings: OutcomeSettings,
        limits: LimitSettings,
        index: PredictionIndex,
        find_older: FindOlder,
    ) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._settings = settings
        self._index = index
        self._find_older = find_older
        self._decoder = ListingDecoder(domain, limits, may_lack=True)
        self.cut_points: CutPoints = {}

    async def reject(self, entry_id: bytes) -> JoinResult:
        """Acknowledge an entry that is not an outcome."""
        await self._client.xack(self._streams.outcomes, MONITORS, entry_id)
        logger.warning("outcome cannot be read", extra={"entry": entry_id.decode()})
        return "invalid"

    async def join(
        self, outcomes: Sequence[PendingOutcome], now_ms: int, *, is_archive_searched: bool = True
    ) -> list[JoinResult]:
        """Join outcomes with their predictions, and keep those without one waiting.

        Raises:
            redis.exceptions.RedisError: as the server answered; outcomes that were not joined are delivered again.
        """
        if not outcomes:
            return []
        cursors = await self._index.cursors()
        identities = list(dict.fromkeys(outcome.identity for outcome in outcomes))
        predictions = await self._index.find(identities, now_ms)
        if is_archive_searched and (missing := [each for each in identities if each not in predictions]):
            predictions |= await self._find_older(missing)
        results = await self._join_all([(o, predictions[o.identity]) for o in outcomes if o.identity in predictions])
        waiting = [await self._wait(o, cursors, now_ms) for o in outcomes if o.identity not in predictions]
        return results + waiting

    async def find_waiting(self, identities: Sequence[str]) -> list[PendingOutcome]:
        """Outcomes that wait for predictions of these identities."""
        if not identities or not await self._client.hlen(self._streams.pending_outcomes):
            return []
        stored: Any = await self._client.hmget(self._streams.pending_outcomes, list(identities))
        pairs = zip(identities, stored, strict=True)
        return [PendingOutcome.parse(identity, text) for identity, text in pairs if text is not None]

    async def all_waiting(self) -> list[PendingOutcome]:
        """All outcomes that wait for their prediction."""
        stored: Any = await self._client.hgetall(self._streams.pending_outcomes)
        return [PendingOutcome.parse(identity.decode(), text) for identity, text in stored.items()]

    async def _wait(self, outcome: PendingOutcome, cursors: Mapping[str, str], now_ms: int) -> JoinResult:
        """Keep an outcome until its prediction comes; of several for one listing, the last."""
        for _ in range(_ATTEMPTS):
            stored: Any = await self._client.hget(self._streams.pending_outcomes, outcome.identity)
            before = stored.decode() if stored else ""
            writes = GuardedWrites()
            # the prediction may be indexed meanwhile, and would then not find this outcome
            for key, cursor in cursors.items():
                writes.guard(key, cursor)
            writes.guard(self._streams.pending_outcomes, before, outcome.identity)
            if _is_no_later(before, outcome):
                writes.add("HSET", self._streams.pending_outcomes, outcome.identity, outcome.to_json())
            writes.add("XACK", self._streams.outcomes, MONITORS, outcome.entry_id)
            if await writes.commit(self._client):
                return "waiting"
            cursors = await self._index.cursors()
            if prediction := (await self._index.find([outcome.identity], now_ms)).get(outcome.identity):
                return await self._join_one((outcome, prediction))
        return "overtaken"

    async def _join_all(self, pairs: Sequence[_Pair]) -> list[JoinResult]:
        """Join many in three round trips, and one by one those whose guards did not hold."""
        prepared = [self._prepare(pair, stored) for pair, stored in zip(pairs, await self._read(pairs), strict=True)]
        written = await commit_all(self._client, [writes for writes, _ in prepared])
        return [
            result if is_written else await self._join_one(pair)
            for pair, (_, result), is_written in zip(pairs, prepared, written, strict=True)
        ]

    async def _join_one(self, pair: _Pair) -> JoinResult:
        for _ in range(_ATTEMPTS):
            (stored,) = await self._read([pair])
            writes, result = self._prepare(pair, stored)
            if await writes.commit(self._client):
                return result
        return "overtaken"

    async def _read(self, pairs: Sequence[_Pair]) -> list[_Stored]:
        """For each pair, the outcome joined before, the outcome that waits, and the listing."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for outcome, prediction in pairs:
                shard, entry_id = split_entry(prediction.entry)
                pipeline.hget(self._streams.joined_outcomes(prediction.at_ms // DAY_MS), prediction.entry)
                pipeline.hget(self._streams.pending_outcomes, outcome.identity)
                pipeline.xrange(self._streams.of_shard(shard).listings, entry_id, entry_id)
            replies: Any = await pipeline.execute()
        return [
            _Stored((joined or b"").decode(), (waiting or b"").decode(), listing[0][1] if listing else None)
            for joined, waiting, listing in zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        ]

    def _prepare(self, pair: _Pair, stored: _Stored) -> tuple[GuardedWrites, JoinResult]:
        """The writes that join an outcome with its prediction, and the result once they are committed."""
        outcome, prediction = pair
        key = self._streams.joined_outcomes(prediction.at_ms // DAY_MS)
        old = json.loads(stored.joined) if stored.joined else None
        parts = old["parts"] if old else [*prediction.parts, *self._segment_parts(prediction, stored.listing)]
        result = self._result(outcome, old)
        writes = GuardedWrites()
        writes.guard(key, stored.joined, prediction.entry)
        writes.add("XACK", self._streams.outcomes, MONITORS, outcome.entry_id)
        # a later outcome of the same listing keeps waiting
        if stored.waiting and _is_no_later(stored.waiting, outcome):
            writes.guard(self._streams.pending_outcomes, stored.waiting, outcome.identity)
            writes.add("HDEL", self._streams.pending_outcomes, outcome.identity)
        if result in {"joined", "corrected"}:
            self._count(writes, prediction, parts, old["outcome"] if old else None, outcome)
            record = {"entry": outcome.entry_id, "outcome": outcome.value, "parts": parts}
            writes.add("HSET", key, prediction.entry, json.dumps(record))
            writes.add("PEXPIREAT", key, str((prediction.at_ms // DAY_MS + KEPT_DAYS) * DAY_MS))
        return writes, result

    def _result(self, outcome: PendingOutcome, old: dict[str, Any] | None) -> JoinResult:
        if old is None:
            return "joined"
        is_later = EntryId.parse(outcome.entry_id) > EntryId.parse(old["entry"])
        return "corrected" if is_later and outcome.value != old["outcome"] else "repeated"

    def _count(
        self,
        writes: GuardedWrites,
        prediction: IndexedPrediction,
        parts: Sequence[str],
        old: float | str | None,
        outcome: PendingOutcome,
    ) -> None:
        change = self._amounts(prediction, outcome.value)
        if old is not None:
            for name, amount in self._amounts(prediction, old).items():
                change[name] = change.get(name, 0) - amount
        else:
            self._remember_coverage(writes, prediction, outcome.value)
            error = loss(self._domain, prediction.prediction, outcome.value)
            record = f"{EntryId.parse(outcome.entry_id).moment_ms}:{error!r}:{outcome.value}"
            writes.add("LPUSH", self._streams.outcome_errors, record)
            writes.add("LTRIM", self._streams.outcome_errors, "0", str(REMEMBERED - 1))
        amounts = {sum_field(part, name): amount for part in parts for name, amount in change.items() if amount}
        add_to_sums(writes, self._streams, prediction.at_ms // HOUR_MS, amounts)

    def _amounts(self, prediction: IndexedPrediction, outcome: float | str) -> dict[str, float]:
        amounts = contribution(self._domain, self._settings, prediction.prediction, outcome)
        return amounts | coverage.range_contribution(prediction.held, prediction.promised, outcome)

    def _remember_coverage(self, writes: GuardedWrites, prediction: IndexedPrediction, outcome: float | str) -> None:
        if prediction.held is not None:
            record = coverage.record_of(prediction.version, covered=coverage.is_covered(prediction.held, outcome))
            writes.add("LPUSH", self._streams.outcome_coverage, record)
            writes.add("LTRIM", self._streams.outcome_coverage, "0", str(coverage.REMEMBERED - 1))

    def _segment_parts(self, prediction: IndexedPrediction, listing: Mapping[bytes, bytes] | None) -> list[str]:
        features = prediction.features
        if features is None:
            try:
                data = self._decoder.decode(payload_of(listing or {})).data
            except RefusedListingError:
                return []
            features = {**dict(zip(self._domain.columns, astuple(data), strict=True)), **(prediction.stored or {})}
        return find_parts(self._domain, features, self.cut_points)


def _is_no_later(waiting: str, outcome: PendingOutcome) -> bool:
    """Whether the outcome that waits, if any, is the given one or an earlier one."""
    return not waiting or EntryId.parse(json.loads(waiting)[0]) <= EntryId.parse(outcome.entry_id)
