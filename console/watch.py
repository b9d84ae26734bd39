"""Reads the state of one domain once a second, for all pages that are open."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
import redis.exceptions

from console.events import EventLog, WatchedEvent
from console.rates import FlowCounts, FlowMoment, FlowRates, RateMeter
from operations.rollouts import RolloutStatus, read_rollout
from operations.status import Status, read_status
from schemas.domain import Domain
from schemas.settings import Settings
from transport.watched_shards import WatchedShards

logger = logging.getLogger(__name__)

READ_S = 0.75
"""The pause between two readings; a reading takes some milliseconds, and a quarter of a second under load."""


@dataclass(frozen=True, slots=True)
class WatchedState:
    """What one reading found.

    Attributes:
        status: as `tasador status` shows it.
        rates: of the flow.
        moments: of the last hour, oldest first.
        events: newest first.
        rollout: as `tasador rollout status` shows it.
    """

    status: Status
    rates: FlowRates
    moments: tuple[FlowMoment, ...]
    events: tuple[WatchedEvent, ...]
    rollout: RolloutStatus


class DomainWatch:
    """What pages show of one domain.

    Args:
        client: replies must be bytes; used in threads.
        settings: of the domain.
        domain: its declaration.

    Attributes:
        state: the last reading; None before the first.
        problem: why the last reading failed; None if it did not.
    """

    def __init__(self, client: redis.Redis, settings: Settings, domain: Domain) -> None:
        self.state: WatchedState | None = None
        self.problem: str | None = None
        self._client = client
        self._settings = settings
        self._domain = domain
        self._meter = RateMeter()
        self._shards = WatchedShards(client, settings.streams)
        self._log = EventLog(client, settings.streams)
        self._viewers: list[Callable[[], None]] = []

    def subscribe(self, show: Callable[[], None]) -> Callable[[], None]:
        """Call `show` after each reading, until the returned function is called."""
        self._viewers.append(show)
        return lambda: self._viewers.remove(show) if show in self._viewers else None

    async def read(self) -> None:
        """One reading.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        try:
            self.state = await asyncio.to_thread(self._read)
            self.problem = None
        except (redis.exceptions.RedisError, OSError) as error:
            self.problem = f"Redis does not answer: {error}"
            raise
        finally:
            for show in tuple(self._viewers):
                try:
                    show()
                except Exception:  # one page must not end what all others show
                    logger.warning("a page could not be updated", exc_info=True)

    def _read(self) -> WatchedState:
        settings = self._settings
        status = read_status(self._client, settings.streams, self._domain, settings.high_water, settings.retention)
        rows = sum(int(self._client.hget(shard.progress, "window_rows") or 0) for shard in self._shards.read())
        totals, at_s = status.totals, time.monotonic()
        counts = FlowCounts(
            at_s=at_s,
            published=totals.answered + status.backlog.total,
            scored=totals.scored,
            refused=totals.refused,
            repeats=totals.repeats,
            rows=rows,
        )
        rates, latency = self._meter.add(counts), status.latency_ms
        is_flowing = rates.scored > 0 and latency is not None
        self._meter.note(
            FlowMoment(
                at_s=at_s,
                scored=rates.scored,
                backlog=status.backlog.total,
                p50_ms=latency.p50 if latency and is_flowing else None,
                p99_ms=latency.p99 if latency and is_flowing else None,
            )
        )
        rollout = read_rollout(self._client, settings.streams)
        return WatchedState(status, rates, self._meter.moments, self._log.read(), rollout)
