"""Backoff: pauses that double from failure to failure."""

from __future__ import annotations

from redis.backoff import ExponentialBackoff

_COUNTED = 100


class Backoff:
    """The pauses after failures in a row.

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
