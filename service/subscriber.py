"""Checks that a FastStream subscriber still reads, and starts it again when it has ended.

A subscriber ends for good when its handler stops it, when its task is cancelled, or when its group has vanished. After
any other error that Redis answers FastStream reads again at once, thousands of times a second.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faststream.redis.subscriber.usecases.basic import LogicSubscriber
from redis.exceptions import ResponseError

from service.health import Health

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubscriberWatch:
    """Supervises one subscriber; the caller checks periodically, and stops checking before the broker stops.

    Attributes:
        subscriber: of a started broker.
        probe: fails as reading would.
        health: gets a warning when the subscriber had ended, until a later check finds it reading.
        name: of the warning: what is read.
    """

    subscriber: LogicSubscriber
    probe: Callable[[], Awaitable[object]]
    health: Health
    name: str

    @property
    def is_reading(self) -> bool:
        """Whether one of its tasks reads; FastStream itself takes a cancelled task for a running one."""
        return self.subscriber.running and not all(task.done() for task in self.subscriber.tasks)

    async def check(self) -> bool:
        """Start the subscriber again if it has ended; returns whether it had.

        Raises:
            redis.exceptions.ResponseError: Redis would refuse the read; the subscriber is stopped until a later check
                succeeds.
            redis.exceptions.ConnectionError: Redis does not answer; FastStream keeps trying.
            TimeoutError: the subscriber did not start.
        """
        try:
            await self.probe()
        except ResponseError:
            await self.subscriber.stop()
            raise
        if self.is_reading:
            self.health.clear(self.name)
            return False
        self.health.warn(self.name, "the subscriber had ended and was started again")
        logger.warning("subscriber had ended, starting it again", extra={"reads": self.name})
        # makes it forget the tasks that have ended
        await self.subscriber.stop()
        await self.subscriber.start()
        return True
