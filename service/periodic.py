"""What a part does again and again beside FastStream: each in a loop that outlives a service which is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from schemas.errors import ModelError, UnavailableError
from service.health import Health
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)

WAITS_FOR = (RedisError, UnavailableError, ModelError, OSError)
"""What a loop outlives: the part says that it waits, and tries again."""
STALL_S = 60.0
_BEAT_S = 1.0
_RETRY_S = 1.0


class PeriodicTasks:
    """The loops of one part.

    Args:
        health: is told while a loop waits for something, by the loop's name; and that all of this turns.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._tasks: list[asyncio.Task[None]] = []

    def start(
        self, steps: dict[str, tuple[float, Callable[[], Awaitable[None]]]], on_failure: Callable[[BaseException], None]
    ) -> None:
        """Begin to turn.

        Args:
            steps: by name, how long a loop rests after each step in seconds, and the step.
            on_failure: is told what ended a loop, if anything does.
        """

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()):
                on_failure(error)

        for name, (rest_s, step) in {**steps, "loops": (_BEAT_S, self._beat)}.items():
            task = asyncio.create_task(self._turn(name, rest_s, step), name=name)
            task.add_done_callback(ended)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Stop turning."""
        await end_tasks(self._tasks)

    async def _turn(self, name: str, rest_s: float, step: Callable[[], Awaitable[None]]) -> None:
        told = ""
        while True:
            try:
                await step()
                self._health.clear(name)
                told, pause_s = "", rest_s
            except WAITS_FOR as error:
                self._health.set_reason(name, str(error))
                if str(error) != told:
                    told = str(error)
                    logger.warning("loop waits", extra={"loop": name, "error": told})
                pause_s = min(rest_s, _RETRY_S)
            await asyncio.sleep(pause_s)

    async def _beat(self) -> None:
        self._health.beat()
