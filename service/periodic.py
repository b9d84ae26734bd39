"""Periodic tasks: steps that a process repeats, each in a task of its own that outlives an unavailable service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from redis.exceptions import RedisError

from schemas.errors import ConfigurationError, ModelError, UnavailableError
from service.health import Health
from transport.backoff import Backoff
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)

RETRIED = (RedisError, UnavailableError, ModelError, ConfigurationError, OSError)
"""Errors after which a step is tried again, where health shows them."""

_RETRIED_UNSEEN = (RedisError, OSError)
"""The same where health does not: any other cause would be retried for ever without a word to operators."""
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """What is repeated.

    Attributes:
        name: of the task, and of the reason against readiness while the step fails.
        interval_s: the pause after each run, in seconds.
        run: one run.
        wakeup: ends the pause early when it is set; the step clears it.
    """

    name: str
    interval_s: float
    run: Callable[[], Awaitable[object]]
    wakeup: asyncio.Event | None = None


class PeriodicTasks:
    """The periodic tasks of one process.

    Args:
        on_failure: called with any other error, which ends that step's task.
        health: gets a reason for each step that fails, until it succeeds; None where something else reports that Redis
            is away: then only errors of Redis and of the system are retried.
    """

    def __init__(self, on_failure: Callable[[BaseException], None], health: Health | None = None) -> None:
        self._on_failure = on_failure
        self._health = health
        self._tasks: list[asyncio.Task[None]] = []
        self._is_finishing = asyncio.Event()

    def start(self, steps: Iterable[Step]) -> None:
        """Start a task for each step."""
        for step in steps:
            task = asyncio.create_task(self._repeat(step), name=step.name)
            task.add_done_callback(self._check)
            self._tasks.append(task)

    async def finish(self) -> None:
        """Let every run that is under way end, and start no other."""
        self._is_finishing.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cancel all tasks, in the middle of their runs."""
        await end_tasks(self._tasks)

    def _check(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._on_failure(error)

    async def _repeat(self, step: Step) -> None:
        backoff, reported = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S), ""
        retried = RETRIED if self._health else _RETRIED_UNSEEN
        while not self._is_finishing.is_set():
            try:
                await step.run()
            except retried as error:
                if str(error) != reported:
                    reported = str(error)
                    self._report(step.name, reported)
                pause_s = min(step.interval_s, backoff.next_s())
            else:
                backoff.reset()
                reported, pause_s = "", step.interval_s
                if self._health:
                    self._health.clear(step.name)
            await self._pause(pause_s, step.wakeup)

    def _report(self, name: str, reason: str) -> None:
        if self._health:
            self._health.set_reason(name, reason)
        level = logging.WARNING if self._health else logging.DEBUG
        logger.log(level, "periodic task failed, retrying", extra={"task": name, "cause": reason})

    async def _pause(self, seconds: float, wakeup: asyncio.Event | None) -> None:
        events = [self._is_finishing, *([wakeup] if wakeup else [])]
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
