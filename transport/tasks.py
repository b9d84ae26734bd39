"""Cancelling asyncio tasks reliably."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

_AGAIN_S = 0.2


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, again and again, until they have ended.

    redis-py sends through `asyncio.wait_for`, which in Python 3.11 swallows a cancellation that arrives together with
    its result.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)


async def run_all(steps: Iterable[Awaitable[object]]) -> None:
    """Run steps at once; one that fails keeps no other from running to its end, and its error is raised afterwards."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
