"""Sees that a FastStream subscriber still reads, and starts it again when it has ended.

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
    """Looks after one subscriber; the caller looks now and then, and stops looking before the broker stops.

    Args:
        subscriber: of a broker that has been started.
        try_read: fails as reading would.
        health: is warned of a subscriber that had ended, until a later look finds it reading.
        name: of the warning: what is read.
    """

    def __init__(
        self, subscriber: LogicSubscriber, try_read: Callable[[], Awaitable[object]], health: Health, name: str
    ) -> None:
        self._subscriber = subscriber
        self._try_read = try_read
        self._health = health
        self._name = name

    @property
    def is_reading(self) -> bool:
        """Whether it is meant to read and a task of it does: FastStream takes a cancelled one for running."""
        return self._subscriber.running and not all(task.done() for task in self._subscriber.tasks)

    async def look(self) -> bool:
        """Start the subscriber again if it has ended; returns whether it had.

        Raises:
            redis.exceptions.ResponseError: Redis would refuse to serve it; it is stopped until a later look succeeds.
            redis.exceptions.ConnectionError: Redis does not answer; FastStream goes on trying.
            TimeoutError: it did not start.
        """
        try:
            await self._try_read()
        except ResponseError:
            await self._subscriber.stop()
            raise
        if self.is_reading:
            self._health.clear(self._name)
            return False
        self._health.warn(self._name, "the subscriber had ended and was started again")
        logger.warning("subscriber had ended, starting it again", extra={"reads": self._name})
        # forgets the tasks that have ended
        await self._subscriber.stop()
        await self._subscriber.start()
        return True
