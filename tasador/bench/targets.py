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
ROLLOUTS: Mapping[str, float] = {"pairs": 0.9}
"""By rollout: the consumer's rate must be at least this many times that without one."""
TRACED = 0.99
"""The consumer's rate with traces of 1 % of the listings must be at least this many times that without."""
EVEN: Mapping[str, float] = {"bare": 1.0}
"""The same for a champion of classes, and for drains while other programs keep both cores half busy."""
NO_TARGETS: Mapping[str, float] = {}
QUICK_SHARE = 0.5
"""The share of a target that a small run must reach."""

LATENCIES_MS: Mapping[int, Mapping[str, float]] = {
    1000: {"p50": 0.9, "p99": 2.5},
    10_000: {"p50": 1.7, "p99": 6.0},
    40_000: {"p99_of_product": 20.0},
}
"""By events per second: the largest allowed value of each percentile."""
SWAP_MS = 30.0
"""The longest latency of any listing while models are swapped."""
START_S = 1.2
CONSUMER_BYTES = 130_000_000
PUBLISHED_PER_S = 150_000.0
GROWTH = 1.1
"""Largest allowed cost of an event, and memory of a consumer, at the largest backlog relative to the smallest."""
WIDTH = 5.0
"""Largest allowed processor time of a consumer for an event of the widest domain, relative to one of 13 features."""
WIDTH_US = 40.0
"""The same in µs."""


def floor_of(target: float | None, *, is_quick: bool) -> float | None:
    """The ratio below which a run exits with 1; None without a target."""
    return target and target * (QUICK_SHARE if is_quick else 1.0)
