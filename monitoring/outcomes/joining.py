"""Outcomes meet their predictions: in either order, late, corrected, repeated, or never."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import redis.asyncio
from msgspec.structs import astuple

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
from monitoring.outcomes.segments import Cuts, parts_of
from monitoring.outcomes.sums import contribution, loss
from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.sections import LimitSettings, OutcomeSettings
from schemas.streams import MONITORS, Streams
from transport.entries import EntryId

logger = logging.getLogger(__name__)

Result = Literal["joined", "corrected", "repeated", "waiting", "invalid", "overtaken"]
FindOlder = Callable[[Sequence[str]], Awaitable[dict[str, IndexedPrediction]]]
"""Finds predictions that are no longer in the index, by identity."""
_ATTEMPTS = 5


Pair = tuple[PendingOutcome, IndexedPrediction]


class _Found(NamedTuple):
    """What Redis has about an outcome and its prediction; "" for nothing."""

    joined: str
    waiting: str
    listing: Mapping[bytes, bytes] | None


class Joiner:
    """Joins the outcomes of one domain.

    Each outcome is settled by one script that also acknowledges it, so a monitor may die at any moment and another take
    over: nothing counts twice.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: whose outcomes they are.
        settings: what counts as far off, and for how long predictions are indexed.
        limits: of listings.
        recent: the index.
        find_older: where the index has nothing.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        domain: Domain,
        settings: OutcomeSettings,
        limits: LimitSettings,
        recent: PredictionIndex,
        find_older: FindOlder,
    ) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._settings = settings
        self._recent = recent
        self._find_older = find_older
        self._decoder = ListingDecoder(domain, limits)
        self.cuts: Cuts = {}

    async def drop(self, entry_id: bytes) -> Result:
        """Acknowledge what is no outcome."""
        await self._client.xack(self._streams.outcomes, MONITORS, entry_id)
        logger.warning("outcome cannot be read", extra={"entry": entry_id.decode()})
        return "invalid"

    async def settle(
        self, arrived: Sequence[PendingOutcome], now_ms: int, *, is_old_asked: bool = True
    ) -> list[Result]:
        """Join outcomes with their predictions, or let them wait for these.

        Raises:
            redis.exceptions.RedisError: as the server answered; what is unsettled is delivered again.
        """
        if not arrived:
            return []
        cursor = await self._recent.cursor()
        identities = list(dict.fromkeys(each.identity for each in arrived))
        known = await self._recent.find(identities, now_ms)
        if is_old_asked and (missing := [identity for identity in identities if identity not in known]):
            known |= await self._find_older(missing)
        results = await self._join_all([(each, known[each.identity]) for each in arrived if each.identity in known])
        for each in arrived:
            if each.identity not in known:
                results.append(await self._wait(each, cursor, now_ms))
        return results

    async def waiting_of(self, identities: Sequence[str]) -> list[PendingOutcome]:
        """Outcomes that have waited for these."""
        if not identities or not await self._client.hlen(self._streams.outcomes_waiting):
            return []
        stored: Any = await self._client.hmget(self._streams.outcomes_waiting, list(identities))
        return [
            PendingOutcome(entry, identity, outcome)
            for identity, text in zip(identities, stored, strict=True)
            if text is not None
            for entry, outcome in [json.loads(text)]
        ]

    async def all_waiting(self) -> list[PendingOutcome]:
        """All outcomes that wait for their prediction."""
        stored: Any = await self._client.hgetall(self._streams.outcomes_waiting)
        return [
            PendingOutcome(entry, identity.decode(), outcome)
            for identity, text in stored.items()
            for entry, outcome in [json.loads(text)]
        ]

    async def _wait(self, arrived: PendingOutcome, cursor: str, now_ms: int) -> Result:
        """Keep an outcome until its prediction comes; of several the last one."""
        for _ in range(_ATTEMPTS):
            stored: Any = await self._client.hget(self._streams.outcomes_waiting, arrived.identity)
            before = stored.decode() if stored else ""
            writes = GuardedWrites()
            # a prediction indexed meanwhile could miss it
            writes.guard(self._streams.outcomes_cursor, cursor)
            writes.guard(self._streams.outcomes_waiting, before, arrived.identity)
            if not before or EntryId.parse(json.loads(before)[0]) <= EntryId.parse(arrived.entry):
                writes.add("HSET", self._streams.outcomes_waiting, arrived.identity, arrived.as_waiting())
            writes.add("XACK", self._streams.outcomes, MONITORS, arrived.entry)
            if await writes.commit(self._client):
                return "waiting"
            cursor = await self._recent.cursor()
            if known := (await self._recent.find([arrived.identity], now_ms)).get(arrived.identity):
                return await self._join((arrived, known))
        return "overtaken"

    async def _join_all(self, pairs: Sequence[Pair]) -> list[Result]:
        """Join many in three round trips; those that were in each other's way one by one."""
        looked = [self._prepare(pair, found) for pair, found in zip(pairs, await self._look(pairs), strict=True)]
        done = await commit_all(self._client, [writes for writes, _ in looked])
        return [
            result if is_done else await self._join(pair)
            for pair, (_, result), is_done in zip(pairs, looked, done, strict=True)
        ]

    async def _join(self, pair: Pair) -> Result:
        for _ in range(_ATTEMPTS):
            (found,) = await self._look([pair])
            writes, result = self._prepare(pair, found)
            if await writes.commit(self._client):
                return result
        return "overtaken"

    async def _look(self, pairs: Sequence[Pair]) -> list[_Found]:
        """What Redis has about each: what its prediction was joined with, what waits, and its listing."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for arrived, known in pairs:
                pipeline.hget(self._streams.joined_outcomes(known.at_ms // DAY_MS), known.entry)
                pipeline.hget(self._streams.outcomes_waiting, arrived.identity)
                pipeline.xrange(self._streams.listings, known.entry, known.entry)
            replies: Any = await pipeline.execute()
        return [
            _Found((joined or b"").decode(), (waiting or b"").decode(), listing[0][1] if listing else None)
            for joined, waiting, listing in zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        ]

    def _prepare(self, pair: Pair, found: _Found) -> tuple[GuardedWrites, Result]:
        """The writes that join an outcome with its prediction, and what becomes of it then."""
        arrived, known = pair
        joined = self._streams.joined_outcomes(known.at_ms // DAY_MS)
        old = json.loads(found.joined) if found.joined else None
        parts = old["parts"] if old else [*known.parts, *self._parts(known, found.listing)]
        result = self._result(arrived, old)
        writes = GuardedWrites()
        writes.guard(joined, found.joined, known.entry)
        writes.add("XACK", self._streams.outcomes, MONITORS, arrived.entry)
        # a later outcome of the same listing goes on waiting
        if found.waiting and EntryId.parse(json.loads(found.waiting)[0]) <= EntryId.parse(arrived.entry):
            writes.guard(self._streams.outcomes_waiting, found.waiting, arrived.identity)
            writes.add("HDEL", self._streams.outcomes_waiting, arrived.identity)
        if result in {"joined", "corrected"}:
            self._count(writes, known, parts, old["outcome"] if old else None, arrived)
            record = {"entry": arrived.entry, "outcome": arrived.outcome, "parts": parts}
            writes.add("HSET", joined, known.entry, json.dumps(record))
            writes.add("PEXPIREAT", joined, str((known.at_ms // DAY_MS + KEPT_DAYS) * DAY_MS))
        return writes, result

    def _result(self, arrived: PendingOutcome, old: dict[str, Any] | None) -> Result:
        if old is None:
            return "joined"
        is_later = EntryId.parse(arrived.entry) > EntryId.parse(old["entry"])
        return "corrected" if is_later and arrived.outcome != old["outcome"] else "repeated"

    def _count(
        self,
        writes: GuardedWrites,
        known: IndexedPrediction,
        parts: Sequence[str],
        old: float | str | None,
        arrived: PendingOutcome,
    ) -> None:
        change = contribution(self._domain, self._settings, known.prediction, arrived.outcome)
        if old is not None:
            for name, amount in contribution(self._domain, self._settings, known.prediction, old).items():
                change[name] = change.get(name, 0) - amount
        else:
            error = loss(self._domain, known.prediction, arrived.outcome)
            writes.add(
                "LPUSH", self._streams.outcome_errors, f"{EntryId.parse(arrived.entry).ms}:{error!r}:{arrived.outcome}"
            )
            writes.add("LTRIM", self._streams.outcome_errors, "0", str(REMEMBERED - 1))
        amounts = {f"{part}|{name}": amount for part in parts for name, amount in change.items() if amount}
        add_to_sums(writes, self._streams, known.at_ms // HOUR_MS, amounts)

    def _parts(self, known: IndexedPrediction, listing: Mapping[bytes, bytes] | None) -> list[str]:
        row = known.row
        if row is None:
            try:
                data = self._decoder.decode(payload_of(listing or {})).data
            except RefusedListingError:
                return []
            row = dict(zip(self._domain.columns, astuple(data), strict=True))
        return parts_of(self._domain, row, self.cuts)
