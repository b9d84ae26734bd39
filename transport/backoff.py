"""Backoff: the pauses between attempts that fail."""

from __future__ import annotations

import time
from collections.abc import Callable

from redis.backoff import ExponentialBackoff

_COUNTED = 100
_SHARE = 0.03


class Backoff:
    """Pauses that double from failure to failure, for attempts that cost much.

    Args:
        first_s: the first pause in seconds.
        longest_s: the longest one.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._pauses = ExponentialBackoff(cap=longest_s, base=first_s / 2)
        self._failures = 0

    def next_s(self) -> float:
        """The pause after one more failure, in seconds."""
        # two to the power of more than a thousand failures is no float
        self._failures = min(self._failures + 1, _COUNTED)
        return float(self._pauses.compute(self._failures))

    def reset(self) -> None:
        """Begin again with the first pause, after a success."""
        self._failures = 0


class OutageBackoff:
    """Pauses of 3 % of the time that an outage has lasted, so that its end is noticed at once.

    Pauses that double would add up to a half of it: after a failover of 3 s the next attempt could be 1 s away.

    Args:
        first_s: the shortest pause in seconds.
        longest_s: the longest one.
        clock: seconds that only grow.
    """

    def __init__(self, first_s: float, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._clock = clock
        self._began_s: float | None = None

    def next_s(self) -> float:
        """The pause after one more failure, in seconds."""
        if self._began_s is None:
            self._began_s = self._clock()
        return min(max(self._first_s, _SHARE * (self._clock() - self._began_s)), self._longest_s)

    def reset(self) -> None:
        """The outage has ended."""
        self._began_s = None
