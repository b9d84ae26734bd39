"""Listings that an event loop publishes without a task for each: who waits for their answers, and how long."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from producer.replies import ReplyMatcher, ReplyWaiter, not_answered

SWEEP_S = 0.1
"""The interval at which listings are looked for whose time has passed."""


class PostedWaiter(ReplyWaiter, Protocol):
    """What gets the JSON of an answer, or the error why there is none."""

    def set_exception(self, exception: BaseException, /) -> None:
        """Say why no answer has come."""


class PostingTimes:
    """Ends the waiting for answers that do not come in time, all with one timer: a timer each takes more time.

    Args:
        matcher: forgets the entries whose time has passed.
    """

    def __init__(self, matcher: ReplyMatcher) -> None:
        self._matcher = matcher
        self._waiting: deque[tuple[float, float, str, PostedWaiter]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, entry_id: str, waiter: PostedWaiter, timeout_s: float) -> None:
        """Let a waiter wait so long, which is as long as all others, for the reply to an entry."""
        loop = asyncio.get_running_loop()
        self._waiting.append((loop.time() + timeout_s, timeout_s, entry_id, waiter))
        if self._timer is None:
            self._timer = loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        loop, waiting = asyncio.get_running_loop(), self._waiting
        now_s = loop.time()
        while waiting and (waiting[0][3].done() or waiting[0][0] <= now_s):
            _, timeout_s, entry_id, waiter = waiting.popleft()
            if not waiter.done():
                self._matcher.forget(entry_id)
                waiter.set_exception(not_answered(entry_id, timeout_s))
        self._timer = loop.call_later(SWEEP_S, self._sweep) if waiting else None


class Posting:
    """Gets the entry id of one listing, and lets its waiter expect the reply.

    Args:
        matcher: has been told that the listing is being sent.
        times: of the asker.
        waiter: for the answer.
        timeout_s: how long it waits.
    """

    __slots__ = ("_matcher", "_timeout_s", "_times", "_waiter")

    def __init__(self, matcher: ReplyMatcher, times: PostingTimes, waiter: PostedWaiter, timeout_s: float) -> None:
        self._matcher = matcher
        self._times = times
        self._waiter = waiter
        self._timeout_s = timeout_s

    def done(self) -> bool:
        """Never: what was sent must end its sending."""
        return False

    def set_result(self, entry_ids: list[str], /) -> None:
        """The listing is on the stream."""
        (entry_id,) = entry_ids
        self._matcher.expect(entry_id, self._waiter)
        self._matcher.end_sending()
        if not self._waiter.done():
            self._times.start(entry_id, self._waiter, self._timeout_s)

    def set_exception(self, exception: BaseException, /) -> None:
        """The listing may be on the stream or not."""
        self._matcher.end_sending()
        self._waiter.set_exception(exception)
