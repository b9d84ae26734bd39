"""Backpressure: holds a publisher back while the backlog is at the high-water mark, or shards are being changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from schemas.errors import BacklogFullError

CHECK_SHARE = 100
"""The backlog is checked again after this fraction of the mark: for 1,000,000 after 10,000 listings."""
CHECK_INTERVAL_S = 0.1
"""The backlog is checked again after this time, by publishers that send and by those that wait."""

OnFull = Literal["wait", "raise"]


class Backpressure:
    """Decides when a publisher must read the backlog, and whether it may send a chunk.

    Reading the backlog for every chunk would cost a round trip each, so one reading admits as many listings as fit
    under the mark, but at most a hundredth of the mark, and for at most 100 ms. One publisher exceeds the mark by less
    than a chunk; several by less than a hundredth of the mark and a chunk each.

    Args:
        high_water: the backlog at which publishers stop.
        on_full: whether to wait or to raise at the mark.
        on_wait: called with the backlog at each check while waiting.
    """

    def __init__(self, high_water: int, on_full: OnFull, on_wait: Callable[[int], None] | None) -> None:
        self._high_water = high_water
        self._on_full = on_full
        self._on_wait = on_wait
        self._admitted = 0
        self._checked_s = 0.0

    def is_check_due(self, now_s: float) -> bool:
        """Whether the publisher must read the backlog before the next chunk."""
        return self._admitted <= 0 or now_s - self._checked_s >= CHECK_INTERVAL_S

    def admits(self, chunk: Sequence[bytes], backlog: int, now_s: float) -> bool:
        """Whether the publisher may send a chunk at this backlog.

        Raises:
            BacklogFullError: it may not, and `on_full` is `raise`.
        """
        self._checked_s = now_s
        self._admitted = min(self._high_water - backlog, max(self._high_water // CHECK_SHARE, 1))
        if self._admitted > 0:
            return True
        if self._on_full == "raise":
            message = f"the backlog holds {backlog:,} listings, the high-water mark is {self._high_water:,}"
            raise BacklogFullError(message, unconfirmed=chunk)
        if self._on_wait is not None:
            self._on_wait(backlog)
        return False

    def hold(self, chunk: Sequence[bytes]) -> None:
        """Note that a chunk waits because the number of shards is being changed.

        Raises:
            BacklogFullError: `on_full` is `raise`.
        """
        self._admitted = 0  # the backlog is another one afterwards
        if self._on_full == "raise":
            raise BacklogFullError("the number of shards is being changed: try again in a moment", unconfirmed=chunk)
        if self._on_wait is not None:
            self._on_wait(0)

    def record_sent(self, count: int) -> None:
        """Record the number of listings sent."""
        self._admitted -= count
