"""What any consumer does for all: trim what is answered, remove consumers that are gone, report the backlog.

Each of these is one script, and doing it twice does no harm; so nobody needs to be elected.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import redis.asyncio

from consumer.metrics import ConsumerMetrics
from consumer.scripts import Scripts
from schemas.settings import Settings
from schemas.states import LIVING_S, ConsumerHeartbeat
from schemas.streams import ARCHIVERS, SCORERS, Streams
from transport.backlog import read_backlog_async
from transport.blocking_groups import read_blocking_groups_async
from transport.entries import EntryId

logger = logging.getLogger(__name__)

_SWEEP_S = 10.0


class Maintenance:
    """Keeps one domain's keys bounded."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        scripts: Scripts,
        settings: Settings,
        metrics: ConsumerMetrics,
    ) -> None:
        self._client = client
        self._streams = streams
        self._scripts = scripts
        keep = settings.retention
        limits = (keep.listings, keep.answers, keep.rate_limited, settings.window.max_rows)
        ages_ms = (keep.max_age_s * 1000, settings.window.max_age_s * 1000)
        self._limits = (*limits, *ages_ms, ARCHIVERS, keep.archiver_lag)
        self._metrics = metrics
        self._next_sweep = 0.0
        self._keep = keep
        self._holders: set[str] = set()

    async def run_once(self) -> None:
        """One round.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await self._scripts.run("trim", [SCORERS, *self._limits])
        await self._report_backlog()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP_S
            await self._sweep()
            await self._report_holders()

    async def _now_ms(self) -> int:
        seconds, microseconds = await self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def _report_backlog(self) -> None:
        backlog = await read_backlog_async(self._client, self._streams)
        oldest: Any = (
            await self._client.xpending_range(self._streams.listings, SCORERS, "-", "+", 1) if backlog.pending else []
        )
        age_s = (await self._now_ms() - EntryId.parse(oldest[0]["message_id"]).ms) / 1000 if oldest else 0.0
        self._metrics.set_backlog(backlog.total, age_s)

    async def _report_holders(self) -> None:
        """Say which groups of somebody else hold back trimming, when that changes."""
        holders = await read_blocking_groups_async(self._client, self._streams, self._keep)
        self._metrics.set_held({holder.group: holder.entries for holder in holders})
        groups = {holder.group for holder in holders}
        for holder in holders:
            if holder.group not in self._holders:
                logger.warning("trimming is held back", extra={"group": holder.group, "cause": str(holder)})
        for group in self._holders - groups:
            logger.info("trimming is held back no longer", extra={"group": group})
        self._holders = groups

    async def _sweep(self) -> None:
        """Remove consumers that give no sign of life and hold nothing, from the group and from the heartbeats."""
        now_ms = await self._now_ms()
        beats: Any = await self._client.hgetall(self._streams.consumers)
        living = {n for n, beat in beats.items() if ConsumerHeartbeat.model_validate_json(beat).is_living(now_ms)}
        members: Any = await self._client.xinfo_consumers(self._streams.listings, SCORERS)
        silent = {member["name"] for member in members if member["idle"] > LIVING_S * 1000} - living
        for name in silent | (set(beats) - living):
            if await self._scripts.run("leave", [SCORERS, name]):
                logger.info("silent consumer removed", extra={"consumer": name.decode()})
