"""Waits for conditions instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.01
PATIENCE = 4
"""How many times its usual longest time a fact may take: a deadline only ends a test that hangs."""


def wait_until(predicate: Callable[[], T], timeout_s: float = 20, message: str = "") -> T:
    """Call the predicate until its result is true, and return the result.

    Args:
        predicate: of the fact.
        timeout_s: the longest time that it takes on usual cores; it gets `PATIENCE` times as long.
        message: what is waited for.

    Raises:
        AssertionError: it stayed false; the message has `message` and the last result.
    """
    deadline = time.monotonic() + PATIENCE * timeout_s
    while not (result := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(_late(message or repr(predicate), PATIENCE * timeout_s, result))
        time.sleep(POLL_S)
    return result


async def wait_until_async(predicate: Callable[[], T | Awaitable[T]], timeout_s: float = 20, message: str = "") -> T:
    """As `wait_until`, without blocking the event loop; the predicate may be a coroutine function.

    Raises:
        AssertionError: as `wait_until`.
    """
    deadline = time.monotonic() + PATIENCE * timeout_s
    while True:
        called = predicate()
        result: T = await called if inspect.isawaitable(called) else called
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(_late(message or repr(predicate), PATIENCE * timeout_s, result))
        await asyncio.sleep(POLL_S)


def _late(condition: str, timeout_s: float, result: object) -> str:
    return f"not within {timeout_s:g} s: {condition} (last result: {result!r})"
