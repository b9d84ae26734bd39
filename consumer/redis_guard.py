"""Guards the steps of the scoring loop against failures of Redis: it reports them, pauses, and ends with the loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError

from service.health import Health
from transport.backoff import OutageBackoff

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
LOG_EVERY_S = 1.0
"""Attempts in an outage are more frequent at first."""

T = TypeVar("T")


@dataclass
class RedisGuard:
    """Runs steps that need Redis, until it is stopped.

    Attributes:
        health: gets the reason of a failure, until a step succeeds.
        on_failure: called after each failure.
        reason: the reason's name.
    """

    health: Health
    on_failure: Callable[[], None]
    reason: str = "redis"
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _backoff: OutageBackoff = field(default_factory=partial(OutageBackoff, FIRST_PAUSE_S, LONGEST_PAUSE_S))
    _next_log_s: float = 0.0

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called, so that a step that fails is not tried again."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End pauses, now and from now on."""
        self._stopping.set()

    async def run(self, step: Callable[[], Awaitable[T]]) -> T | None:
        """The step's result; None if Redis failed, after reporting the reason and a pause."""
        try:
            result = await step()
        except (RedisError, OSError) as error:
            self.on_failure()
            pause_s = self._backoff.next_s()
            self.health.set_reason(self.reason, str(error))
            self._log(str(error))
            await self.pause(pause_s)
            return None
        self._backoff.reset()
        self.health.clear(self.reason)
        return result

    def _log(self, cause: str) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_log_s:
            self._next_log_s = now_s + LOG_EVERY_S
            logger.warning("redis command failed, retrying", extra={"cause": cause})

    async def pause(self, seconds: float) -> None:
        """Wait, unless stopped."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
