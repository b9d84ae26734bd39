"""What a drift report costs by the rows of its samples: processor time, and memory in addition to the two samples.

Each report is made twice: once to measure its time, and once to measure its memory, which slows it down.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np

from schemas.domain import Domain, load_domain
from schemas.frozen_model import FrozenModel
from schemas.rows import Matrix

SIZES = ((1000, 2000), (10_000, 2000), (100_000, 2000), (1_000_000, 2000), (1_000_000, 1_000_000))
"""Rows of the window and of the reference; a model's reference has 2,000."""
QUICK_SIZES = SIZES[:2]
SEED = 2026
_NOISE_SD = 0.01


class DriftCost(FrozenModel):
    """What one report cost.

    Attributes:
        rows: of the window.
        reference_rows: of the reference.
        cpu_s: processor time, in seconds.
        more_bytes: peak memory in addition to the two samples.
    """

    rows: int
    reference_rows: int
    cpu_s: float
    more_bytes: int


def boston() -> tuple[Domain, Matrix]:
    """The housing domain and its 506 built-in rows, shape (506, 13)."""
    domain = load_domain("housing")
    table = domain.contract.built_in_table()
    return domain, np.array([[row[column] for column in domain.columns] for row in table], dtype=np.float64)


def measure_drift_costs(sizes: Sequence[tuple[int, int]], progress: Callable[[str], object]) -> list[DriftCost]:
    """The cost of a report on one window of Boston rows, 13 features, at each pair of sizes."""
    costs = []
    for rows, reference_rows in sizes:
        costs.append(_measure(rows, reference_rows))
        progress(f"drift report on {rows:,} rows, {reference_rows:,} in the reference: {costs[-1].cpu_s:.2f} s")
    return costs


def _measure(rows: int, reference_rows: int) -> DriftCost:
    from monitoring.drift.columns import feature_columns
    from monitoring.drift.report import compare
    from schemas.drift import WindowSpan
    from schemas.sections import DriftSettings

    domain, population = boston()
    rng = np.random.default_rng(SEED)
    drawn = (np.take(population, rng.integers(0, len(population), count), axis=0) for count in (reference_rows, rows))
    noisy = (sample + rng.normal(scale=_NOISE_SD, size=sample.shape) for sample in drawn)
    reference, window = (feature_columns(domain, sample) for sample in noisy)
    limits = DriftSettings(windows=1, needed=1)

    def report() -> None:
        compare(reference, [window], [WindowSpan(rows=rows)], limits)

    begin_s = time.process_time()
    report()
    cpu_s = time.process_time() - begin_s
    return DriftCost(rows=rows, reference_rows=reference_rows, cpu_s=cpu_s, more_bytes=_peak_bytes(report))


def _peak_bytes(work: Callable[[], None]) -> int:
    """Peak memory that Python and numpy allocate during the work."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
