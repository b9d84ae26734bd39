"""What the figures must reach; it is said here and nowhere else.

A full run ends with 1 when a ratio misses its target. A small one (``--quick``, which CI runs on shared cores, while
others work beside it) ends with 1 only below a share of the target, the same share for every ratio; its report shows
both. What is measured in seconds or bytes is reached or not, and fails nothing: it is the machine's as much as ours.
"""

from __future__ import annotations

from collections.abc import Mapping

BATCHING_HTTP = "batching_http"
"""The best peer that batches what comes over HTTP."""
TARGETS: Mapping[str, float] = {"bare": 1.5, "faststream": 130.0, BATCHING_HTTP: 80.0, "lean": 0.88}
"""By contender: how many times its rate the consumer's rate must be."""
QUICK_SHARE = 0.5
"""The share of a target that a small run must reach."""

LATENCIES_MS: Mapping[int, Mapping[str, float]] = {
    1000: {"p50": 1.5, "p99": 5.0},
    10_000: {"p50": 2.0, "p99": 8.0},
}
"""By events a second: the longest that these percentiles may be."""
SWAP_MS = 50.0
"""The longest wait of any listing while models are swapped."""
START_S = 3.0
CONSUMER_BYTES = 250_000_000
PUBLISHED_PER_S = 150_000.0
GROWTH = 1.1
"""How many times as much an event, or a consumer's memory, may cost at the largest backlog as at the smallest."""


def floor_of(against: str, *, is_quick: bool) -> float | None:
    """The ratio below which a run ends with 1; None where none is asked for."""
    target = TARGETS.get(against)
    return target and target * (QUICK_SHARE if is_quick else 1.0)
