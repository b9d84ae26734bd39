"""The life of a console: its one reader for each domain, its heartbeats and its health."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from redis.exceptions import RedisError

from console.shown_domain import ShownDomain
from console.watch import READ_S
from schemas.states import ConsoleHeartbeat
from service.activity import Activities
from service.health import Health
from service.heartbeat import FORGET_S, Heartbeat
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch

logger = logging.getLogger(__name__)

_BEAT_S = 1.0
_STALL_S = 60.0
_KEYS_S = 1.0


class ConsoleLife:
    """What a console does beside its pages.

    Args:
        domains: the shown domains by name.
        name: of this console.
        port: where it serves.

    Attributes:
        health: readiness and liveness.
    """

    def __init__(self, domains: Mapping[str, ShownDomain], name: str, port: int) -> None:
        self._domains = domains
        self.health = Health(_STALL_S)
        activities = Activities()
        self._heartbeats = {
            domain: Heartbeat(
                shown.client, shown.streams.consoles, ConsoleHeartbeat, name, port, self.health, activities
            )
            for domain, shown in domains.items()
        }
        self._tasks: PeriodicTasks | None = None

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Read every domain once, and start the tasks; `on_failure` is called with the error that ends one of them."""
        for shown in self._domains.values():
            with suppress(RedisError, OSError):  # the tasks try again
                await shown.keys.read()
                await shown.watch.read()
        first = next(iter(self._domains.values())).settings
        steps = [
            Step("loops", _BEAT_S, self._beat),
            Step("params file", WATCH_S, SettingsWatch(self.health, first.domain).check),
        ]
        for domain, shown in self._domains.items():
            heartbeat = self._heartbeats[domain]
            steps += [
                Step(f"state of {domain}", READ_S, shown.watch.read),
                Step(f"keys of {domain}", _KEYS_S, shown.keys.read),
                Step(f"heartbeat in {domain}", shown.settings.heartbeat_s, heartbeat.beat, heartbeat.wakeup),
                Step(f"silent in {domain}", FORGET_S, heartbeat.forget_silent),
            ]
        self.health.on_change = self._wake
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(steps)
        self.health.clear("start")

    async def stop(self) -> None:
        """Stop the tasks, remove the heartbeats and close the connections."""
        if self._tasks:
            await self._tasks.stop()
        for domain, shown in self._domains.items():
            try:
                await self._heartbeats[domain].remove()
            except (RedisError, OSError) as error:
                logger.warning("could not remove the heartbeat", extra={"error": str(error)})
            await shown.aclose()

    async def _beat(self) -> None:
        self.health.beat()

    def _wake(self) -> None:
        for heartbeat in self._heartbeats.values():
            heartbeat.wakeup.set()
