"""What a drift report costs: time, and memory beyond that of the two samples, by their rows.

Each is made twice: once to be timed, and once while what it takes of memory is counted.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

SIZES = ((1000, 2000), (10_000, 2000), (100_000, 2000), (1_000_000, 2000), (1_000_000, 1_000_000))
"""Rows of the window, and of the reference: that of a model has 2,000."""
QUICK_SIZES = SIZES[:2]
_NOISE_SD = 0.01


class DriftCost(BaseModel):
    """What one report cost.

    Attributes:
        rows: of the window.
        reference_rows: of the reference.
        cpu_s: processor time, in seconds.
        more_bytes: the most memory that it took beside the two samples.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    reference_rows: int
    cpu_s: float
    more_bytes: int


def measure_drift_costs(sizes: Sequence[tuple[int, int]], tell: Callable[[str], object]) -> list[DriftCost]:
    """The cost of a report on one window of Boston rows, 13 features, at each pair of sizes."""
    costs = []
    for rows, reference_rows in sizes:
        costs.append(_measure(rows, reference_rows))
        tell(f"drift report on {rows:,} rows beside {reference_rows:,}: {costs[-1].cpu_s:.2f} s")
    return costs


def _measure(rows: int, reference_rows: int) -> DriftCost:
    from benchmarks.drift import SEED, boston
    from monitoring.drift.columns import feature_columns
    from monitoring.drift.report import compare
    from schemas.drift import WindowSpan
    from schemas.sections import DriftSettings

    domain, population = boston()
    rng = np.random.default_rng(SEED)
    drawn = (np.take(population, rng.integers(0, len(population), count), axis=0) for count in (reference_rows, rows))
    noisy = (sample + rng.normal(scale=_NOISE_SD, size=sample.shape) for sample in drawn)
    old, new = (feature_columns(domain, sample) for sample in noisy)
    limits = DriftSettings(windows=1, needed=1)

    def report() -> None:
        compare(old, [new], [WindowSpan(rows=rows)], limits)

    begin_s = time.process_time()
    report()
    cpu_s = time.process_time() - begin_s
    return DriftCost(rows=rows, reference_rows=reference_rows, cpu_s=cpu_s, more_bytes=_most_bytes(report))


def _most_bytes(work: Callable[[], None]) -> int:
    """The most memory that Python and numpy have for the work at once; to count it takes time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
