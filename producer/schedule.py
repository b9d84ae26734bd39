"""The schedule of a steady rate: when each listing is due, and how many travel together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from producer.chunks import CHUNK_LISTINGS

TICK_S = 0.01
"""Listings that are due within so long of each other travel together: at 50,000 a second 500 of them."""

T = TypeVar("T")


class Schedule:
    """Lets listings through at a steady rate, by a clock that only goes forward.

    Listing n is due n / rate seconds after the first, whatever happened to those before it: time lost while a chunk was
    on its way, or while a full backlog was waited for, is made up, and the rate over a long run is the one asked for.

    Args:
        rate_per_s: listings a second.
        now: the clock, in seconds.
        wait: waits for so many seconds.

    Attributes:
        together: how many listings make a chunk; the last of them is waited for.
    """

    def __init__(
        self,
        rate_per_s: float,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.together = min(max(int(rate_per_s * TICK_S), 1), CHUNK_LISTINGS)
        self._rate_per_s = rate_per_s
        self._now = now
        self._wait = wait

    def pace(self, listings: Iterable[T]) -> Iterator[T]:
        """The listings, each chunk of them when its last one is due."""
        start_s = self._now()
        for number, listing in enumerate(listings):
            if (number + 1) % self.together == 0:
                early_s = start_s + number / self._rate_per_s - self._now()
                if early_s > 0:
                    self._wait(early_s)
            yield listing
