"""The life of a process that answers over HTTP for several domains: its tasks, its heartbeats and its health."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis.exceptions import RedisError

from schemas.settings import Settings
from service.health import Health
from service.heartbeat import FORGET_S, Heartbeat
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch

logger = logging.getLogger(__name__)

STALL_S = 60.0
_BEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class DomainWork:
    """What such a process does for one domain beside answering.

    Attributes:
        settings: of the domain.
        heartbeat: of the process in the domain.
        reads: what it reads of the domain, once at the start and then in intervals.
        close: closes its connections.
    """

    settings: Settings
    heartbeat: Heartbeat
    reads: Sequence[Step]
    close: Callable[[], Awaitable[None]]


class WebLife:
    """Runs the tasks of a process that answers over HTTP.

    Args:
        health: of the process.
        domains: its work by domain.
        on_beat: called each second.
    """

    def __init__(
        self, health: Health, domains: Mapping[str, DomainWork], on_beat: Callable[[], None] = lambda: None
    ) -> None:
        self.health = health
        self._domains = domains
        self._on_beat = on_beat
        self._tasks: PeriodicTasks | None = None

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Read every domain once, and start the tasks; `on_failure` is called with the error that ends one of them."""
        for work in self._domains.values():
            with suppress(RedisError, OSError):  # the tasks try again
                for step in work.reads:
                    await step.run()
        first = next(iter(self._domains.values())).settings
        steps = [
            Step("loops", _BEAT_S, self._beat),
            Step("params file", WATCH_S, SettingsWatch(self.health, first.domain).check),
        ]
        for domain, work in self._domains.items():
            beat = work.heartbeat
            steps += [
                *work.reads,
                Step(f"heartbeat in {domain}", work.settings.heartbeat_s, beat.beat, beat.wakeup),
                Step(f"silent in {domain}", FORGET_S, beat.forget_silent),
            ]
        self.health.on_change = self._wake
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(steps)
        self.health.clear("start")

    async def stop(self) -> None:
        """Stop the tasks, remove the heartbeats and close the connections."""
        if self._tasks:
            await self._tasks.stop()
        for work in self._domains.values():
            try:
                await work.heartbeat.remove()
            except (RedisError, OSError) as error:
                logger.warning("could not remove the heartbeat", extra={"error": str(error)})
            await work.close()

    async def _beat(self) -> None:
        self.health.beat()
        self._on_beat()

    def _wake(self) -> None:
        for work in self._domains.values():
            work.heartbeat.wakeup.set()
