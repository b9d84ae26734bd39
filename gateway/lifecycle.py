"""The life of a gateway: its periodic tasks, its heartbeats and its health."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from redis.exceptions import RedisError

from gateway.availability import LOOK_S
from gateway.metrics import DomainMetrics
from gateway.served_domain import ServedDomain
from schemas.states import GatewayHeartbeat
from service.activity import Activities
from service.health import Health
from service.heartbeat import FORGET_S, Heartbeat
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch

logger = logging.getLogger(__name__)

_BEAT_S = 1.0
_STALL_S = 60.0
KEYS_S = 1.0
"""The interval at which API keys are read: a revoked key is refused after this time at the latest."""


class GatewayLife:
    """What a gateway does beside answering.

    Args:
        domains: the served domains by name.
        name: of this gateway.
        port: where it serves.

    Attributes:
        health: readiness and liveness.
    """

    def __init__(self, domains: Mapping[str, ServedDomain], name: str, port: int) -> None:
        self._domains = domains
        self.health = Health(_STALL_S)
        activities = Activities()
        self._heartbeats = {
            domain: Heartbeat(
                served.client,
                served.streams.gateways,
                GatewayHeartbeat,
                name,
                port,
                self.health,
                activities,
                partial(_counts, served.metrics),
            )
            for domain, served in domains.items()
        }
        self._tasks: PeriodicTasks | None = None

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Read keys and consumers, and start the tasks; `on_failure` is called with the error that ends one of them."""
        for served in self._domains.values():
            with suppress(RedisError, OSError):  # the tasks try again
                await served.keys.read()
                await served.availability.look()
        first = next(iter(self._domains.values())).settings
        steps = [
            Step("loops", _BEAT_S, self._beat),
            Step("params file", WATCH_S, SettingsWatch(self.health, first.domain).check),
        ]
        for domain, served in self._domains.items():
            heartbeat = self._heartbeats[domain]
            steps += [
                Step(f"consumers of {domain}", LOOK_S, served.availability.look),
                Step(f"keys of {domain}", KEYS_S, served.keys.read),
                Step(f"heartbeat in {domain}", served.settings.heartbeat_s, heartbeat.beat, heartbeat.wakeup),
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
        for domain, served in self._domains.items():
            try:
                await self._heartbeats[domain].remove()
            except (RedisError, OSError) as error:
                logger.warning("could not remove the heartbeat", extra={"error": str(error)})
            await served.aclose()

    async def _beat(self) -> None:
        self.health.beat()
        for served in self._domains.values():
            if served.availability.obstacle:
                self.health.warn(f"scoring {served.domain.name}", served.availability.obstacle)
            else:
                self.health.clear(f"scoring {served.domain.name}")

    def _wake(self) -> None:
        for heartbeat in self._heartbeats.values():
            heartbeat.wakeup.set()


def _counts(metrics: DomainMetrics) -> dict[str, int]:
    return {"requests": metrics.answered, "refused": metrics.refused}
