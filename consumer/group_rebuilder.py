"""The group of scorers: created before the first read, and rebuilt where it was if it vanishes.

Without its group nothing can be acknowledged, so no answer is written and the streams of answers stand still. Together
with the low-water mark that trimming keeps, they show where the group was: everything up to the highest answered entry
had been delivered, and what has no answer below it was pending. Starting over at 0 would answer all of it twice.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from schemas.streams import SCORERS, Streams
from transport.answers import answered_entry
from transport.consumer_group import has_group
from transport.entries import EntryId
from transport.scripts import Script

logger = logging.getLogger(__name__)

CHUNK = 5000
ORPHANS = "orphans"
"""Owner of what is made pending in a rebuilt group, until a consumer claims it."""

_CREATE = Script("consumer", "create_group")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a group must begin, what is pending below, and the last answers at the time of planning."""

    start: str
    unanswered: tuple[bytes, ...]
    last_answers: tuple[bytes, ...]


@dataclass(frozen=True)
class GroupRebuilder:
    """Creates or rebuilds the group of scorers of one domain; replies to the client must be bytes."""

    client: redis.asyncio.Redis
    streams: Streams

    async def ensure(self) -> bool:
        """Create the group if it is missing; returns whether this call did.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        created = 0
        keys = [self.streams.listings, *self.streams.answers]
        while not await has_group(self.client, self.streams.listings, SCORERS):
            plan = await self._plan()
            arguments = [SCORERS, plan.start, ORPHANS, *plan.last_answers, *plan.unanswered]
            created = await _CREATE.run_async(self.client, keys, arguments)
            if created == 1:
                fields = {"group": SCORERS, "start": plan.start, "unanswered": len(plan.unanswered)}
                logger.info("consumer group created", extra=fields)
        return created == 1

    async def _plan(self) -> Plan:
        answers = self.streams.answers
        last = tuple([await self._last(stream) for stream in answers])
        names = (
            "low_water",
            "low_water_pending",
            "floor_predictions",
            "floor_dead_letters",
            "floor_repeats",
            "floor_rate_limited",
        )
        stored: Any = await self.client.hmget(self.streams.progress, names)
        low_text, is_pending, *floors = stored
        low = EntryId.parse(low_text or b"0-0")
        if EntryId.parse(await self._last(self.streams.listings) or b"0-0") < low:
            return Plan("0", (), last)
        answered: set[EntryId] = set()
        # resolutions have no floor: there are few of them
        for stream, floor in zip(answers, [*floors, b"-"], strict=True):
            async for _, fields in self._entries(stream, floor or b"-"):
                answered.add(EntryId.parse(answered_entry(fields)))
        highest = max(answered, default=low)
        first = str(low) if is_pending == b"1" else f"({low}"
        unanswered = [
            entry_id
            async for entry_id, _ in self._entries(self.streams.listings, first.encode(), str(max(highest, low)))
            if EntryId.parse(entry_id) not in answered
        ]
        return Plan(str(max(highest, low)), tuple(unanswered), last)

    async def _last(self, stream: str) -> bytes:
        newest: Any = await self.client.xrevrange(stream, count=1)
        return newest[0][0] if newest else b""

    async def _entries(
        self, stream: str, start: bytes, end: str = "+"
    ) -> AsyncIterator[tuple[bytes, dict[bytes, bytes]]]:
        while True:
            chunk: Any = await self.client.xrange(stream, start, end, count=CHUNK)
            for entry in chunk:
                yield entry
            if len(chunk) < CHUNK:
                return
            start = b"(" + chunk[-1][0]
