"""What any consumer does for all: trim answered entries, remove consumers that are gone, report the backlog.

Each of these can be done twice without harm, so no consumer needs to be elected.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from consumer.challenger_loads import ChallengerLoads
from consumer.metrics import ConsumerMetrics
from schemas.settings import Settings
from schemas.states import HEARTBEAT_TIMEOUT_S, ConsumerHeartbeat
from schemas.streams import ARCHIVERS, SCORERS, Streams
from transport.backlog import read_backlog_async
from transport.blocking_groups import read_blocking_groups_async
from transport.clock import now_ms_async
from transport.consumer_group import ConsumerGroup
from transport.entries import EntryId
from transport.scripts import Script

logger = logging.getLogger(__name__)

_TRIM = Script("consumer", "trim")
_TRIM_PAIRS = Script("consumer", "trim_pairs")
_SWEEP_S = 10.0


@dataclass
class Maintenance:
    """Keeps one domain's keys bounded.

    Attributes:
        client: replies must be bytes.
        group: of the consumers.
        settings: what is kept.
        metrics: gets the backlog.
        loads: counts consumers that died with a challenger loaded.
    """

    client: redis.asyncio.Redis
    streams: Streams
    group: ConsumerGroup
    settings: Settings
    metrics: ConsumerMetrics
    loads: ChallengerLoads
    _next_sweep_s: float = 0.0
    _blocking: frozenset[str] = frozenset()

    async def run_once(self) -> None:
        """One round.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await self._trim()
        await self._report_backlog()
        is_sweep_due = time.monotonic() >= self._next_sweep_s
        if is_sweep_due:
            self._next_sweep_s = time.monotonic() + _SWEEP_S
            await self._sweep()
            await self._report_blocking_groups()
        # last, because a user may lack the rights that rollouts need
        await self._trim_pairs()
        if is_sweep_due:
            await self._bury()

    async def _trim(self) -> None:
        keep = self.settings.retention
        window, streams = self.settings.window, self.streams
        keys = (streams.listings, *streams.written_answers, streams.window, streams.progress, streams.trim_marks)
        kept = (keep.listings, keep.answers, keep.rate_limited, window.max_rows)
        ages_ms = (keep.max_age_s * 1000, window.max_age_s * 1000)
        await _TRIM.run_async(self.client, keys, (SCORERS, *kept, *ages_ms, ARCHIVERS, keep.archiver_lag))

    async def _report_backlog(self) -> None:
        backlog = await read_backlog_async(self.client, self.streams)
        oldest: Any = (
            await self.client.xpending_range(self.streams.listings, SCORERS, "-", "+", 1) if backlog.pending else []
        )
        at_ms = await now_ms_async(self.client)
        age_s = (EntryId.parse(oldest[0]["message_id"]).age_ms(at_ms) or 0) / 1000 if oldest else 0.0
        self.metrics.set_backlog(backlog.total, age_s)

    async def _report_blocking_groups(self) -> None:
        """Log and count groups that keep answered listings from being trimmed, when that changes."""
        blocking = await read_blocking_groups_async(self.client, self.streams, self.settings.retention)
        self.metrics.set_held({group.group: group.entries for group in blocking})
        names = frozenset(group.group for group in blocking)
        for group in blocking:
            if group.group not in self._blocking:
                logger.warning("a group blocks trimming", extra={"group": group.group, "cause": str(group)})
        for name in self._blocking - names:
            logger.info("a group no longer blocks trimming", extra={"group": name})
        self._blocking = names

    async def _trim_pairs(self) -> None:
        keys = (self.streams.shadows, self.streams.progress)
        await _TRIM_PAIRS.run_async(self.client, keys, (self.settings.rollout.pairs_kept,))

    async def _bury(self) -> None:
        """Count the consumers that died with a challenger loaded."""
        _, living = await self._heartbeats()
        if dead := await self.loads.bury(living):
            logger.warning("consumers died with a challenger loaded", extra={"consumers": dead})

    async def _heartbeats(self) -> tuple[set[bytes], set[bytes]]:
        """Names of the consumers that have a heartbeat, and of those that live."""
        at_ms = await now_ms_async(self.client)
        beats: Any = await self.client.hgetall(self.streams.consumers)
        living = {n for n, beat in beats.items() if ConsumerHeartbeat.model_validate_json(beat).is_living(at_ms)}
        return set(beats), living

    async def _sweep(self) -> None:
        """Remove consumers without a heartbeat that hold nothing, from the group and from the heartbeats."""
        beats, living = await self._heartbeats()
        members: Any = await self.client.xinfo_consumers(self.streams.listings, SCORERS)
        silent = {member["name"] for member in members if member["idle"] > HEARTBEAT_TIMEOUT_S * 1000} - living
        for name in silent | (beats - living):
            if await self.group.remove(name):
                await self.client.hdel(self.streams.consumers, name)
                logger.info("silent consumer removed", extra={"consumer": name.decode()})
