"""The gate at the high-water mark: when to ask for the backlog, and whether a chunk may pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from schemas.errors import BacklogFullError

ASK_SHARE = 100
"""After this share of the mark a publisher asks again: for 1,000,000 after 10,000 listings."""
ASK_S = 0.1
"""So old an answer is not trusted any more, and so long a waiting publisher sleeps before it asks again."""

OnFull = Literal["wait", "raise"]


class Backpressure:
    """Holds one publisher back while the backlog stands at the mark.

    Asking for every chunk would cost a round trip each, so an answer admits as many listings as fitted under the mark,
    but at most a hundredth of the mark and for at most 100 ms. One publisher oversteps the mark by less than a chunk;
    several by less than a hundredth of it and a chunk each.

    Args:
        high_water: the backlog at which publishers stop.
        on_full: whether to wait or to raise there.
        on_wait: called with the backlog each time a waiting publisher has asked.
    """

    def __init__(self, high_water: int, on_full: OnFull, on_wait: Callable[[int], None] | None) -> None:
        self._high_water = high_water
        self._on_full = on_full
        self._on_wait = on_wait
        self._admitted = 0
        self._asked_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether the backlog must be asked for before the next chunk."""
        return self._admitted <= 0 or now_s - self._asked_s >= ASK_S

    def admits(self, chunk: Sequence[bytes], backlog: int, now_s: float) -> bool:
        """Whether a chunk may pass, now that the backlog is known.

        Raises:
            BacklogFullError: it may not, and the publisher was asked to raise.
        """
        self._asked_s = now_s
        self._admitted = min(self._high_water - backlog, max(self._high_water // ASK_SHARE, 1))
        if self._admitted > 0:
            return True
        if self._on_full == "raise":
            message = f"the backlog holds {backlog:,} listings, the high-water mark is {self._high_water:,}"
            raise BacklogFullError(message, unconfirmed=chunk)
        if self._on_wait is not None:
            self._on_wait(backlog)
        return False

    def passed(self, count: int) -> None:
        """Note how many listings have been sent."""
        self._admitted -= count
