"""The desired model: found by event and by polling, loaded in a thread, swapped between two batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import redis.asyncio

from consumer.metrics import ConsumerMetrics
from consumer.served_model import ServedModel, load_served_model
from registry.cache import ModelCache
from schemas.commands import ModelEvent, ModelEventType
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD, Streams
from service.activity import Activities
from service.health import Health
from service.no_model import NO_MODEL, find_why_no_model
from transport.backoff import Backoff
from transport.entries import EntryId

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0


@dataclass
class ModelFollower:
    """Follows the desired model of one domain.

    Activations only rise: an activation older than the current one is never loaded, whatever its version. The scoring
    loop reads `model` once a batch, so one model scores a batch.

    Attributes:
        cache: where artifacts are kept.
        consumer: the name in events.
        health: gets a reason while there is no model.
        model: scores now; None before the first.
        wakeup: set to have the desired model read at once.
        activities: shows that a model is being loaded.
        changed: set when that or the model changes, to have it in the heartbeat at once.
        on_swapped: called after each swap.
    """

    client: redis.asyncio.Redis
    streams: Streams
    domain: Domain
    cache: ModelCache
    consumer: str
    health: Health
    metrics: ConsumerMetrics
    model: ServedModel | None = None
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    activities: Activities = field(default_factory=Activities)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    on_swapped: Callable[[], object] = lambda: None
    _digest: str = ""
    _rejected: str = ""
    _failed: str = ""
    _retry_at_s: float = 0.0
    _backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_RETRY_S, LONGEST_RETRY_S))

    def __post_init__(self) -> None:
        self.health.set_reason("model", NO_MODEL)

    @property
    def stamp(self) -> Stamp | None:
        """The stamp of the model that scores; None before the first."""
        return self.model.stamp if self.model else None

    def describe(self) -> dict[str, str | None]:
        """The fields of the heartbeat."""
        stamp = self.stamp
        return {"version": stamp.version, "activation": stamp.activation} if stamp else {}

    async def follow(self) -> None:
        """Read the desired model once, and load it if it is new.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        self.wakeup.clear()
        stored: Any = await self.client.hgetall(self.streams.model)
        desired = DesiredModel.from_hash(stored)
        if desired is None:
            if self.model is None:
                reason = await find_why_no_model(self.client, self.streams, self.domain.name)
                self.health.set_reason("model", reason)
            return
        if desired.activation == self._rejected:
            return
        if self.stamp and EntryId.parse(desired.activation) <= EntryId.parse(self.stamp.activation):
            return
        if desired.activation != self._failed or time.monotonic() >= self._retry_at_s:
            await self._swap(desired)

    async def _swap(self, desired: DesiredModel) -> None:
        begin, stamp = time.perf_counter(), Stamp(desired.version, desired.activation)
        try:
            if self.model is not None and desired.digest == self._digest:
                self.model = replace(self.model, stamp=stamp)
            else:
                self.model = await self._load_in_thread(desired, stamp)
        except ModelRejectedError as error:
            self._rejected = desired.activation
            await self._reject(desired, error)
            return
        except RegistryUnavailableError as error:
            self._put_off(desired, error)
            return
        self._digest = desired.digest
        self.changed.set()
        self.health.clear("model")
        self.metrics.record_swap(desired.version, desired.activation, self.model.scorer.card.key_feature)
        load_ms = round((time.perf_counter() - begin) * 1000, 1)
        logger.info("model swapped", extra={"version": desired.version, "load_ms": load_ms})
        self.on_swapped()
        await self._publish("model.swapped", desired, load_ms=load_ms)

    async def _load_in_thread(self, desired: DesiredModel, stamp: Stamp) -> ServedModel:
        what = f"loading version {desired.version}"
        if self.model is None:
            self.health.set_reason("model", f"{what} since {datetime.now(UTC):%H:%M:%S} UTC")
        with self.activities.doing(what, desired.command_id):
            self.changed.set()
            return await asyncio.to_thread(self._load, desired, stamp)

    def _load(self, desired: DesiredModel, stamp: Stamp) -> ServedModel:
        return load_served_model(self.cache, desired, self.domain, stamp)

    def _put_off(self, desired: DesiredModel, error: RegistryUnavailableError) -> None:
        """Try again later, as often as it takes; meanwhile the current model scores on."""
        if desired.activation != self._failed:
            self._backoff.reset()
        pause_s = self._backoff.next_s()
        self._failed, self._retry_at_s = desired.activation, time.monotonic() + pause_s
        reason = f"version {desired.version} cannot be loaded yet: {error}"
        if self.model is None:
            self.health.set_reason("model", reason)
        else:
            self.health.warn("model", reason)
        fields = {"version": desired.version, "cause": str(error), "pause_s": pause_s}
        logger.warning("model cannot be loaded, retrying", extra=fields)

    async def _reject(self, desired: DesiredModel, error: ModelRejectedError) -> None:
        self.metrics.record_rejected_swap()
        self.health.clear("model")
        if self.model is None:
            self.health.set_reason("model", f"version {desired.version} was rejected: {error}")
        logger.error("model rejected", extra={"version": desired.version, "check": error.check, "cause": str(error)})
        await self._publish("model.rejected", desired, reason=error.check, message=str(error))

    async def _publish(self, kind: ModelEventType, desired: DesiredModel, **data: object) -> None:
        event = ModelEvent.of(
            f"tasador/{self.domain.name}/consumer/{self.consumer}",
            kind,
            command_id=desired.command_id,
            version=desired.version,
            activation=desired.activation,
            consumer=self.consumer,
            **data,
        )
        await self.client.xadd(self.streams.model_events, {DATA_FIELD: event.model_dump_json(exclude_none=True)})
