"""Hears of activations through FastStream, and keeps its subscriber reading.

Every consumer hears of an activation, so this reads without a group. What it misses the follower finds by polling, so a
subscriber that does not read is a warning and no reason against readiness.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import redis.asyncio
from faststream.redis import RedisBroker, StreamSub
from redis.exceptions import RedisError

from consumer.model_follower import ModelFollower
from schemas.commands import ModelEvent
from schemas.streams import Streams
from service.health import Health
from service.subscriber import SubscriberWatch

logger = logging.getLogger(__name__)

_READ_MS = 1000
"""FastStream reads on from the end of the stream, so an event between two reads is missed: let there be few of them."""
_LOOK_S = 1.0
_NAME = "model-events"


class ModelEvents:
    """Wakes the follower when a model was activated.

    Args:
        broker: gets the subscriber.
        client: tries whether the stream can be read.
        streams: the domain's keys.
        follower: is woken.
        health: is warned while events are not heard.
    """

    def __init__(
        self,
        broker: RedisBroker,
        client: redis.asyncio.Redis,
        streams: Streams,
        follower: ModelFollower,
        health: Health,
    ) -> None:
        self._follower = follower
        self._health = health
        subscriber = broker.subscriber(stream=StreamSub(streams.model_events, _READ_MS))
        subscriber(self.on_model_event)
        try_read = partial(client.xread, {streams.model_events: "$"})
        self._watch = SubscriberWatch(subscriber, try_read, health, _NAME)

    async def on_model_event(self, event: ModelEvent) -> None:
        """Have the follower look at the desired model."""
        if event.type == "model.activated":
            self._follower.is_wanted.set()

    async def keep(self) -> None:
        """See that the subscriber reads, until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        try:
            if await self._watch.look():
                # what was activated meanwhile
                self._follower.is_wanted.set()
        except (RedisError, OSError) as error:
            self._health.warn(_NAME, f"cannot be read, models are found by polling: {error}")
