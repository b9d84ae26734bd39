"""Publishes at a steady rate: when each listing is due, and how many form a chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from producer.chunks import CHUNK_LISTINGS

TICK_S = 0.01
"""Listings that are due within this time form a chunk: 500 at 50,000 a second."""

T = TypeVar("T")


class Schedule:
    """Yields listings at a steady rate, by a monotonic clock.

    Listing n is due n / rate seconds after the first, whatever delayed the listings before it. So time lost in sending
    a chunk, or in waiting for a full backlog, is made up, and a long run has the requested rate.

    Args:
        rate_per_s: listings per second; infinite for as fast as possible.
        now: the clock, in seconds.
        wait: sleeps for a number of seconds.

    Attributes:
        chunk_size: listings of a chunk, which is sent when its last listing is due.
    """

    def __init__(
        self,
        rate_per_s: float,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.chunk_size = int(min(max(rate_per_s * TICK_S, 1), CHUNK_LISTINGS))
        self._rate_per_s = rate_per_s
        self._now = now
        self._wait = wait

    def pace(self, listings: Iterable[T]) -> Generator[T, None, None]:
        """Yield listings so that each chunk ends when its last listing is due."""
        start_s = self._now()
        for number, listing in enumerate(listings):
            if (number + 1) % self.chunk_size == 0:
                early_s = start_s + number / self._rate_per_s - self._now()
                if early_s > 0:
                    self._wait(early_s)
            yield listing
