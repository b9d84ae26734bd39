"""The desired rollout: found by event and by polling, its challenger tried in a child process and loaded aside."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import redis.asyncio
from redis.exceptions import NoPermissionError

from consumer.challenger_loads import ChallengerLoads
from consumer.served_model import ServedModel, ServedRollout, load_served_model
from registry.cache import ModelCache
from registry.trial import try_apart
from schemas.arms import salt_of
from schemas.commands import ModelEvent
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.rollouts import DesiredRollout
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD, Streams
from service.activity import Activities
from service.health import Health
from transport.backoff import Backoff

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
_WARNING = "rollout"


@dataclass
class RolloutFollower:
    """Follows the desired rollout of one domain.

    The scoring loop reads `served` once a batch, so one state of the rollout holds for a batch.

    Attributes:
        cache: where artifacts are kept.
        loads: notes in Redis that the challenger is loaded.
        consumer: the name in events.
        health: gets a warning while the rollout is not carried out as it should be.
        activities: shows that a challenger is being tried or loaded.
        changed: set when that or the rollout changes, to have it in the heartbeat at once.
        served: what is carried out; None where there is no rollout, or its challenger is not loaded.
        wakeup: set to have the desired rollout read at once.
        on_loaded: called after a challenger was loaded.
    """

    client: redis.asyncio.Redis
    streams: Streams
    domain: Domain
    settings: Settings
    cache: ModelCache
    loads: ChallengerLoads
    consumer: str
    health: Health
    activities: Activities
    changed: asyncio.Event
    served: ServedRollout | None = None
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    on_loaded: Callable[[], object] = lambda: None
    _problem: str | None = None
    _refused: str = ""
    _retry_at_s: float = 0.0
    _backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_RETRY_S, LONGEST_RETRY_S))

    def describe(self) -> dict[str, str | None]:
        """The fields of the heartbeat."""
        about: dict[str, str | None] = {"challenger_problem": self._problem}
        if self.served:
            about |= {"rollout": self.served.state.id, "rollout_revision": self.served.state.revision}
        return about

    async def follow(self) -> None:
        """Read the desired rollout once, and carry it out from the next batch on.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        self.wakeup.clear()
        try:
            stored: Any = await self.client.hgetall(self.streams.rollout)
        except NoPermissionError:
            self._warn(f"this user may not read {self.streams.rollout}: no rollout is carried out")
            raise
        desired = DesiredRollout.from_hash(stored)
        if desired is None:
            await self._drop()
            return
        if self.served and self.served.state.id != desired.id:
            await self._drop()
        if desired.id == self._refused:
            return
        failures = await self.loads.hold(desired.id)
        if failures > self.loads.max_failures:
            await self._refuse(desired, f"{failures} consumers died with version {desired.version} loaded")
        elif self.served is None:
            if time.monotonic() >= self._retry_at_s:
                await self._load(desired)
        elif self.served.state != desired:
            self.served = replace(self.served, state=desired)
            self.changed.set()

    async def leave(self) -> None:
        """Stop carrying it out, before the consumer ends.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await self._drop()

    async def _load(self, desired: DesiredRollout) -> None:
        begin = time.perf_counter()
        try:
            with self.activities.doing(f"loading challenger {desired.version}", desired.command_id):
                self.changed.set()
                challenger = await self._fetch(desired)
        except ModelRejectedError as error:
            logger.exception("challenger rejected", extra={"version": desired.version, "check": error.check})
            await self._refuse(desired, f"version {desired.version} was rejected: {error}", error.check)
            return
        except RegistryUnavailableError as error:
            self._warn(f"version {desired.version} cannot be loaded yet: {error}")
            self._retry_at_s = time.monotonic() + self._backoff.next_s()
            return
        self._backoff.reset()
        self._clear()
        self.served = ServedRollout(desired, challenger, salt_of(desired.salt))
        self.changed.set()
        load_ms = round((time.perf_counter() - begin) * 1000, 1)
        logger.info("challenger loaded", extra={"version": desired.version, "mode": desired.mode, "load_ms": load_ms})
        self.on_loaded()

    async def _fetch(self, desired: DesiredRollout) -> ServedModel:
        model = desired.challenger
        path = await asyncio.to_thread(self.cache.fetch, model)
        await try_apart(self.settings, path, is_whole=False)
        stamp = Stamp(desired.version, desired.id, desired.id, "challenger")
        return await asyncio.to_thread(load_served_model, self.cache, model, self.domain, stamp)

    async def _refuse(self, desired: DesiredRollout, problem: str, check: str | None = None) -> None:
        """Do not carry this rollout out, whatever becomes of it."""
        await self._drop()
        self._refused = desired.id
        self._warn(problem)
        if check is not None:
            event = ModelEvent.of(
                f"tasador/{self.domain.name}/consumer/{self.consumer}",
                "model.rejected",
                version=desired.version,
                rollout=desired.id,
                consumer=self.consumer,
                reason=check,
                message=problem,
            )
            await self.client.xadd(self.streams.model_events, {DATA_FIELD: event.model_dump_json(exclude_none=True)})

    async def _drop(self) -> None:
        self.served, self._retry_at_s = None, 0.0
        self._clear()
        await self.loads.release()

    def _warn(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        self.health.warn(_WARNING, problem)
        self.changed.set()

    def _clear(self) -> None:
        if self._problem is not None:
            self._problem = None
            self.health.clear(_WARNING)
