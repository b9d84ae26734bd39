"""Checks that a FastStream subscriber still reads, and starts it again when it has ended.

A subscriber ends for good when its handler stops it, when its task is cancelled, or when its group has vanished. After
any other error that Redis answers FastStream reads again at once, thousands of times a second.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from faststream.redis.subscriber.usecases.basic import LogicSubscriber
from redis.exceptions import ResponseError

from service.health import Health

logger = logging.getLogger(__name__)


class SubscriberWatch:
    """Supervises one subscriber; the caller checks periodically, and stops checking before the broker stops.

    Args:
        subscriber: of a started broker.
        probe: fails as reading would.
        health: gets a warning when the subscriber had ended, until a later check finds it reading.
        name: of the warning: what is read.
    """

    def __init__(
        self, subscriber: LogicSubscriber, probe: Callable[[], Awaitable[object]], health: Health, name: str
    ) -> None:
        self._subscriber = subscriber
        self._probe = probe
        self._health = health
        self._name = name

    @property
    def is_reading(self) -> bool:
        """Whether one of its tasks reads; FastStream itself takes a cancelled task for a running one."""
        return self._subscriber.running and not all(task.done() for task in self._subscriber.tasks)

    async def check(self) -> bool:
        """Start the subscriber again if it has ended; returns whether it had.

        Raises:
            redis.exceptions.ResponseError: Redis would refuse the read; the subscriber is stopped until a later check
                succeeds.
            redis.exceptions.ConnectionError: Redis does not answer; FastStream keeps trying.
            TimeoutError: the subscriber did not start.
        """
        try:
            await self._probe()
        except ResponseError:
            await self._subscriber.stop()
            raise
        if self.is_reading:
            self._health.clear(self._name)
            return False
        self._health.warn(self._name, "the subscriber had ended and was started again")
        logger.warning("subscriber had ended, starting it again", extra={"reads": self._name})
        # makes it forget the tasks that have ended
        await self._subscriber.stop()
        await self._subscriber.start()
        return True
