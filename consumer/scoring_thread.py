"""The scoring thread: models score the batches of a backlog there, while their consumer decodes and encodes others.

XGBoost's library and numpy let other threads run while they compute. A model is not thread-safe, and flows share it, so
a consumer has one such thread, and scores elsewhere only while that one has nothing to do. Single batches are scored
where they are: passing them on would take longer than many of them do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class ScoringThread:
    """Runs steps that use a consumer's models, one at a time and in order; used from the thread of the event loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "scoring")
        self._last: asyncio.Future[Any] | None = None

    def start(self, step: Callable[[], T]) -> asyncio.Future[T]:
        """Let the thread run a step after those before it; the future has its result, or raises what it raises."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, step)
        self._last = future
        future.add_done_callback(self._forget)
        return future

    async def run_here(self, step: Callable[[], T]) -> T:
        """Run a step in the calling thread, as soon as the scoring thread has nothing to do."""
        while self._last:
            await asyncio.wait([self._last])
        return step()

    def _forget(self, future: asyncio.Future[Any]) -> None:
        # a result is a whole batch
        if self._last is future:
            self._last = None

    def close(self) -> None:
        """End the thread, after the steps that were started."""
        self._executor.shutdown(wait=False)
