"""What any consumer does for a shard: trim answered entries, and report the backlog and what blocks trimming.

Each of these can be done twice without harm, so no consumer needs to be elected.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from consumer.backlog_figures import BacklogFigures
from schemas.settings import Settings
from schemas.streams import ARCHIVERS, SCORERS, Streams
from transport.backlog import read_backlog_async
from transport.blocking_groups import read_blocking_groups_async
from transport.clock import now_ms_async
from transport.entries import EntryId
from transport.scripts import Script

logger = logging.getLogger(__name__)

_TRIM = Script("consumer", "trim")
_TRIM_PAIRS = Script("consumer", "trim_pairs")
_LOOK_S = 10.0


@dataclass
class Maintenance:
    """Keeps one shard's keys bounded.

    Attributes:
        client: replies must be bytes.
        streams: the shard's keys.
        settings: what is kept.
        figures: get the backlog.
    """

    client: redis.asyncio.Redis
    streams: Streams
    settings: Settings
    figures: BacklogFigures
    _next_look_s: float = 0.0
    _blocking: frozenset[str] = frozenset()

    async def run_once(self, *, is_own: bool) -> None:
        """One round; another consumer's shard is only looked at.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        if is_own:
            await self._trim()
        await self._report_backlog()
        if time.monotonic() >= self._next_look_s:
            self._next_look_s = time.monotonic() + _LOOK_S
            await self._report_blocking_groups()
        if is_own:
            # last, because a user may lack the rights that rollouts need
            await self._trim_pairs()

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
        self.figures.set_backlog(self.streams.shard, backlog.total, age_s)

    async def _report_blocking_groups(self) -> None:
        """Log and count groups that keep answered listings from being trimmed, when that changes."""
        blocking = await read_blocking_groups_async(self.client, self.streams, self.settings.retention)
        self.figures.set_blocking(self.streams.shard, blocking)
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
