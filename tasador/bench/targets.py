"""Targets for the measured figures, defined only here.

A full run exits with 1 if a ratio misses its target. A small run (``--quick``, which CI runs on shared cores) exits
with 1 only below `QUICK_SHARE` of the target. Figures in seconds or bytes depend on the machine, so they are only
reported as reached or not reached.
"""

from __future__ import annotations

from collections.abc import Mapping

TARGETS: Mapping[str, float] = {"bare": 1.5, "faststream": 130.0, "lean": 0.88}
"""By contender: the consumer's rate must be at least this many times the contender's."""
STORED: Mapping[int, float] = {3: 0.8, 13: 0.6}
"""By the number of features that every listing takes from the store: the consumer's rate must be at least this many
times that for whole listings."""
QUICK_SHARE = 0.5
"""The share of a target that a small run must reach."""

LATENCIES_MS: Mapping[int, Mapping[str, float]] = {
    1000: {"p50": 1.5, "p99": 5.0},
    10_000: {"p50": 2.0, "p99": 8.0},
}
"""By events per second: the largest allowed value of each percentile."""
SWAP_MS = 50.0
"""The longest latency of any listing while models are swapped."""
START_S = 3.0
CONSUMER_BYTES = 250_000_000
PUBLISHED_PER_S = 150_000.0
GROWTH = 1.1
"""Largest allowed cost of an event, and memory of a consumer, at the largest backlog relative to the smallest."""


def floor_of(target: float | None, *, is_quick: bool) -> float | None:
    """The ratio below which a run exits with 1; None without a target."""
    return target and target * (QUICK_SHARE if is_quick else 1.0)
