"""Wakes the model follower when a model was activated: a FastStream subscriber that is kept reading.

Every consumer must see each activation, so the subscriber reads without a group. The follower also polls, so a
subscriber that does not read is a warning and no reason against readiness.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import redis.asyncio
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from faststream.redis.message import DefaultStreamMessage
from redis.exceptions import RedisError

from consumer.model_follower import ModelFollower
from consumer.rollout_follower import RolloutFollower
from schemas.commands import ModelEvent
from schemas.streams import DATA_FIELD, Streams
from service.health import Health
from service.subscriber import SubscriberWatch
from service.trace_context import trace_headers

_READ_MS = 1000
"""FastStream reads from the end of the stream each time and misses events between two reads: long reads miss few."""
CHECK_S = 1.0
"""How often the subscriber is checked."""
_NAME = "model-events"


class ModelEvents:
    """Wakes the follower when a model was activated.

    Args:
        broker: gets the subscriber.
        client: for a read that shows whether the stream can be read.
        streams: the domain's keys.
        follower: woken up.
        rollouts: woken up.
        health: gets a warning while events cannot be read.
    """

    def __init__(
        self,
        broker: RedisBroker,
        client: redis.asyncio.Redis,
        streams: Streams,
        follower: ModelFollower,
        rollouts: RolloutFollower,
        health: Health,
    ) -> None:
        self._follower = follower
        self._rollouts = rollouts
        self._health = health
        subscriber = broker.subscriber(stream=StreamSub(streams.model_events, _READ_MS), parser=_parse)
        subscriber(self.on_model_event)
        probe = partial(client.xread, {streams.model_events: "$"})
        self._watch = SubscriberWatch(subscriber, probe, health, _NAME)

    async def on_model_event(self, event: ModelEvent) -> None:
        """Let the followers read the desired model and the desired rollout."""
        if event.type == "model.activated":
            self._follower.wakeup.set()
        # an activation may have ended a rollout
        if event.type == "model.activated" or event.type.startswith("rollout."):
            self._rollouts.wakeup.set()

    async def check(self) -> None:
        """Start the subscriber again if it has ended."""
        try:
            if await self._watch.check():
                # models may have been activated meanwhile
                self._follower.wakeup.set()
                self._rollouts.wakeup.set()
        except (RedisError, OSError) as error:
            self._health.warn(_NAME, f"cannot be read, models are found by polling: {error}")


async def _parse(
    message: DefaultStreamMessage, parse: Callable[[DefaultStreamMessage], Awaitable[RedisStreamMessage]]
) -> RedisStreamMessage:
    # the trace context is in the event, where FastStream does not look for it
    parsed = await parse(message)
    parsed.headers |= trace_headers(message["data"].get(DATA_FIELD))
    return parsed
