"""The desired model: followed by event and by polling, loaded aside, swapped between two batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis.asyncio

from consumer.batch_scorer import ServedModel
from consumer.metrics import ConsumerMetrics
from registry.cache import ModelCache
from registry.loading import load_to_serve
from schemas.commands import ModelEvent, ModelEventType
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD, Streams
from service.health import Health
from transport.entries import EntryId

logger = logging.getLogger(__name__)

NO_MODEL = "no model has been activated yet: `tasador train`, then `tasador reload`"
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0


class _Retry:
    """When an activation that could not be had is tried again: after pauses that double."""

    def __init__(self) -> None:
        self._activation = ""
        self._pause_s = 0.0
        self._due_s = 0.0

    def is_due(self, activation: str) -> bool:
        return activation != self._activation or time.monotonic() >= self._due_s

    def put_off(self, activation: str) -> float:
        """Note a failure, and give the pause in seconds."""
        self._pause_s = min(self._pause_s * 2, LONGEST_RETRY_S) if activation == self._activation else FIRST_RETRY_S
        self._activation, self._due_s = activation, time.monotonic() + self._pause_s
        return self._pause_s


class ModelFollower:
    """Follows the desired model of one domain.

    Activations only rise: what was activated before the model in charge is never loaded, whatever its version. The
    scoring loop reads `model` once a batch, so a batch is scored by one model.

    Args:
        client: for the desired model and the events.
        streams: the domain's keys.
        domain: whose contract a model must fit.
        cache: where artifacts are kept.
        consumer: the name in events.
        health: told while there is no model.
        metrics: told of swaps.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        domain: Domain,
        cache: ModelCache,
        consumer: str,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._cache = cache
        self._consumer = consumer
        self._health = health
        self._metrics = metrics
        self._digest = ""
        self._rejected = ""
        self._retry = _Retry()
        self.model: ServedModel | None = None
        self.is_wanted = asyncio.Event()
        health.set_reason("model", NO_MODEL)

    @property
    def stamp(self) -> Stamp | None:
        """The model in charge, as predictions name it."""
        return self.model.stamp if self.model else None

    async def follow(self) -> None:
        """Look at the desired model once, and act on it if it is new.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        self.is_wanted.clear()
        stored: Any = await self._client.hgetall(self._streams.model)
        desired = DesiredModel.from_hash(stored)
        if desired is None or desired.activation == self._rejected:
            return
        if self.stamp and EntryId.parse(desired.activation) <= EntryId.parse(self.stamp.activation):
            return
        if self._retry.is_due(desired.activation):
            await self._swap(desired)

    async def _swap(self, desired: DesiredModel) -> None:
        begin = time.perf_counter()
        try:
            loaded = None if desired.digest == self._digest else await asyncio.to_thread(self._load, desired)
        except ModelRejectedError as error:
            self._rejected = desired.activation
            await self._tell_rejected(desired, error)
            return
        except RegistryUnavailableError as error:
            self._put_off(desired, error)
            return
        stamp = Stamp(desired.version, desired.activation)
        self.model = loaded(stamp) if loaded else self._restamped(stamp)
        self._digest = desired.digest
        self._health.clear("model")
        self._metrics.record_swap(desired.version, desired.activation, self.model.scorer.card.key_feature)
        load_ms = round((time.perf_counter() - begin) * 1000, 1)
        logger.info("model swapped", extra={"version": desired.version, "load_ms": load_ms})
        await self._tell("model.swapped", desired, load_ms=load_ms)

    def _load(self, desired: DesiredModel) -> Callable[[Stamp], ServedModel]:
        folder: Path = self._cache.fetch(desired)
        scorer = load_to_serve(folder, self._domain)
        card = scorer.card
        low, high = card.bounds
        return lambda stamp: ServedModel(scorer, stamp, low, high, card.usual)

    def _restamped(self, stamp: Stamp) -> ServedModel:
        if self.model is None:
            raise AssertionError("a digest is known only with its model")
        return replace(self.model, stamp=stamp)

    def _put_off(self, desired: DesiredModel, error: RegistryUnavailableError) -> None:
        """Try again later, as often as it takes; meanwhile the model in charge goes on."""
        pause_s = self._retry.put_off(desired.activation)
        reason = f"version {desired.version} cannot be had yet: {error}"
        if self.model is None:
            self._health.set_reason("model", reason)
        else:
            self._health.warn("model", reason)
        logger.warning("model put off", extra={"version": desired.version, "cause": str(error), "pause_s": pause_s})

    async def _tell_rejected(self, desired: DesiredModel, error: ModelRejectedError) -> None:
        self._metrics.record_rejected_swap()
        self._health.clear("model")
        if self.model is None:
            self._health.set_reason("model", f"version {desired.version} was rejected: {error}")
        logger.error("model rejected", extra={"version": desired.version, "check": error.check, "cause": str(error)})
        await self._tell("model.rejected", desired, reason=error.check, message=str(error))

    async def _tell(self, kind: ModelEventType, desired: DesiredModel, **data: object) -> None:
        event = ModelEvent.of(
            f"tasador/{self._domain.name}/consumer/{self._consumer}",
            kind,
            command_id=desired.command_id,
            version=desired.version,
            activation=desired.activation,
            consumer=self._consumer,
            **data,
        )
        await self._client.xadd(self._streams.model_events, {DATA_FIELD: event.model_dump_json(exclude_none=True)})
