"""What any consumer does for all: trim answered entries, remove consumers that are gone, report the backlog.

Each of these can be done twice without harm, so no consumer needs to be elected.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import redis.asyncio

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
_SWEEP_S = 10.0


class Maintenance:
    """Keeps one domain's keys bounded.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        group: of the consumers.
        settings: what is kept.
        metrics: gets the backlog.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        group: ConsumerGroup,
        settings: Settings,
        metrics: ConsumerMetrics,
    ) -> None:
        self._client = client
        self._streams = streams
        self._group = group
        keep = settings.retention
        self._keep = keep
        self._trim_keys = (
            *(streams.listings, *streams.written_answers),
            *(streams.window, streams.progress, streams.trim_marks),
        )
        self._trim_arguments = (
            SCORERS,
            *(keep.listings, keep.answers, keep.rate_limited, settings.window.max_rows),
            *(keep.max_age_s * 1000, settings.window.max_age_s * 1000),
            *(ARCHIVERS, keep.archiver_lag),
        )
        self._metrics = metrics
        self._next_sweep_s = 0.0
        self._blocking: set[str] = set()

    async def run_once(self) -> None:
        """One round.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await _TRIM.run_async(self._client, self._trim_keys, self._trim_arguments)
        await self._report_backlog()
        if time.monotonic() >= self._next_sweep_s:
            self._next_sweep_s = time.monotonic() + _SWEEP_S
            await self._sweep()
            await self._report_blocking_groups()

    async def _report_backlog(self) -> None:
        backlog = await read_backlog_async(self._client, self._streams)
        oldest: Any = (
            await self._client.xpending_range(self._streams.listings, SCORERS, "-", "+", 1) if backlog.pending else []
        )
        at_ms = await now_ms_async(self._client)
        age_s = (at_ms - EntryId.parse(oldest[0]["message_id"]).ms) / 1000 if oldest else 0.0
        self._metrics.set_backlog(backlog.total, age_s)

    async def _report_blocking_groups(self) -> None:
        """Log and count groups that keep answered listings from being trimmed, when that changes."""
        blocking = await read_blocking_groups_async(self._client, self._streams, self._keep)
        self._metrics.set_held({group.group: group.entries for group in blocking})
        names = {group.group for group in blocking}
        for group in blocking:
            if group.group not in self._blocking:
                logger.warning("a group blocks trimming", extra={"group": group.group, "cause": str(group)})
        for name in self._blocking - names:
            logger.info("a group no longer blocks trimming", extra={"group": name})
        self._blocking = names

    async def _sweep(self) -> None:
        """Remove consumers without a heartbeat that hold nothing, from the group and from the heartbeats."""
        at_ms = await now_ms_async(self._client)
        beats: Any = await self._client.hgetall(self._streams.consumers)
        living = {n for n, beat in beats.items() if ConsumerHeartbeat.model_validate_json(beat).is_living(at_ms)}
        members: Any = await self._client.xinfo_consumers(self._streams.listings, SCORERS)
        silent = {member["name"] for member in members if member["idle"] > HEARTBEAT_TIMEOUT_S * 1000} - living
        for name in silent | (set(beats) - living):
            if await self._group.remove(name):
                await self._client.hdel(self._streams.consumers, name)
                logger.info("silent consumer removed", extra={"consumer": name.decode()})
