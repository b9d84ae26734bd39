"""Rates of the flow, from the counts of readings that follow each other, and the last hour of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SPAN_S = 5.0
"""Rates are means over at least this time, because answers are written in batches."""
MOMENT_S = 5.0
"""The time between two moments of the last hour."""
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """What had happened in a domain at one time; each count grows.

    Attributes:
        at_s: when, by a clock that is never set.
        published: listings, answered or waiting.
        scored: predictions.
        refused: dead letters, also those of the rate limit.
        repeats: dropped repeats.
        rows: rows written to the window.
    """

    at_s: float
    published: int
    scored: int
    refused: int
    repeats: int
    rows: int


@dataclass(frozen=True, slots=True)
class FlowRates:
    """The same a second."""

    published: float = 0.0
    scored: float = 0.0
    refused: float = 0.0
    repeats: float = 0.0
    rows: float = 0.0


@dataclass(frozen=True, slots=True)
class FlowMoment:
    """One moment of the last hour; a latency is None if no prediction was made shortly before."""

    at_s: float
    scored: float
    backlog: int
    p50_ms: float | None
    p99_ms: float | None


class RateMeter:
    """Computes rates, and keeps the last hour."""

    def __init__(self) -> None:
        self._readings: deque[FlowCounts] = deque()
        self._moments: deque[FlowMoment] = deque(maxlen=int(HOUR_S / MOMENT_S))

    @property
    def moments(self) -> tuple[FlowMoment, ...]:
        """The last hour, oldest first."""
        return tuple(self._moments)

    def add(self, counts: FlowCounts) -> FlowRates:
        """Add a reading; returns the rates since the last one at least `SPAN_S` old, or else the first."""
        self._readings.append(counts)
        while len(self._readings) > 2 and counts.at_s - self._readings[1].at_s >= SPAN_S:  # noqa: PLR2004
            self._readings.popleft()
        first = self._readings[0]
        if (span_s := counts.at_s - first.at_s) <= 0:
            return FlowRates()
        return FlowRates(
            *(
                # a count falls where its keys were deleted
                max(getattr(counts, name) - getattr(first, name), 0) / span_s
                for name in ("published", "scored", "refused", "repeats", "rows")
            )
        )

    def note(self, moment: FlowMoment) -> None:
        """Keep a moment, unless the last one is younger than `MOMENT_S`."""
        if not self._moments or moment.at_s - self._moments[-1].at_s >= MOMENT_S:
            self._moments.append(moment)
