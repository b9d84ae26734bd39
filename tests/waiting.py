"""Waiting for facts instead of seconds."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.01


def wait_until(predicate: Callable[[], T], timeout_s: float = 20, message: str = "") -> T:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: it stayed false; the message says for what was waited and the last answer.
    """
    deadline = time.monotonic() + timeout_s
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(_late(message or repr(predicate), timeout_s, answer))
        time.sleep(POLL_S)
    return answer


async def wait_until_async(predicate: Callable[[], T | Awaitable[T]], timeout_s: float = 20, message: str = "") -> T:
    """As `wait_until`, without blocking the loop; the predicate may be a coroutine function.

    Raises:
        AssertionError: as `wait_until`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        asked = predicate()
        answer: T = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(_late(message or repr(predicate), timeout_s, answer))
        await asyncio.sleep(POLL_S)


def _late(what: str, timeout_s: float, answer: object) -> str:
    return f"not within {timeout_s:g} s: {what} (last answer: {answer!r})"
