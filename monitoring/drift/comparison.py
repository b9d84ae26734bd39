"""Compares one column of one window with its reference: the figures of the report, and the tests that can alarm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift import statistics
from monitoring.drift.columns import Column
from schemas.drift import Distribution
from schemas.sections import DriftSettings

SHOWN_BINS = 24


@dataclass(frozen=True, slots=True)
class ChangeTest:
    """One test for a change: the size of the effect, whether it is large enough to matter, and its p-value."""

    effect: float
    is_large: bool
    p: float


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """A column of one window compared with its reference.

    Attributes:
        shape: the test on the distribution of the present values; None where there are too few.
        missing: the test on the missing share; None where there are too few rows.
        figures: further figures of the report, by field of `schemas.drift.ColumnDrift`.
    """

    shape: ChangeTest | None
    missing: ChangeTest | None
    figures: dict[str, object]

    @property
    def is_sparse(self) -> bool:
        """Whether both sides have rows enough, but one of them has too few values."""
        return self.shape is None and self.missing is not None


def compare_column(reference: Column, current: Column, limits: DriftSettings) -> ColumnComparison:
    """Compare a column of the current window with the same column of the reference."""
    old, new = reference.present, current.present
    figures: dict[str, object] = {
        "rows": len(new),
        "reference_rows": len(old),
        "missing_share": _share(current.values, len(new)),
        "reference_missing_share": _share(reference.values, len(old)),
    }
    shape = None
    if len(old) and len(new):
        compare_values = _compare_categories if reference.categories else _compare_numbers
        shape_figures, test = compare_values(reference, old, new, limits)
        figures |= shape_figures
        shape = test if min(len(old), len(new)) >= limits.min_rows else None
    return ColumnComparison(shape, _test_missing(reference, current, len(old), len(new), limits), figures)


def _share(values: NDArray[np.float64], present: int) -> float:
    return 1 - present / len(values) if len(values) else 0.0


def _compare_numbers(
    _: Column, old: NDArray[np.float64], new: NDArray[np.float64], limits: DriftSettings
) -> tuple[dict[str, object], ChangeTest]:
    sd = float(old.std())
    edges = statistics.psi_edges(old)
    low, high = statistics.usual_range(old)
    distance, p = statistics.ks(old, new)
    wasserstein_sd = statistics.in_deviations(statistics.wasserstein(old, new), sd)
    figures: dict[str, object] = {
        "psi": statistics.psi(statistics.count_bins(old, edges), statistics.count_bins(new, edges)),
        "ks": distance,
        "wasserstein_sd": wasserstein_sd,
        "mean": float(new.mean()),
        "reference_mean": float(old.mean()),
        "mean_shift_sd": statistics.in_deviations(float(new.mean() - old.mean()), sd),
        "unusual_share": float(np.mean((new < low) | (new > high))),
        "distribution": _bins(old, new, low, high),
    }
    return figures, ChangeTest(wasserstein_sd, wasserstein_sd >= limits.min_wasserstein_sd, p)


def _compare_categories(
    column: Column, old: NDArray[np.float64], new: NDArray[np.float64], limits: DriftSettings
) -> tuple[dict[str, object], ChangeTest]:
    size = len(column.categories)
    before, now = (np.bincount(codes.astype(np.int64), minlength=size) for codes in (old, new))
    distance = statistics.js(before, now)
    figures: dict[str, object] = {
        "psi": statistics.psi(before, now),
        "js": distance,
        "new_categories": tuple(np.array(column.categories)[(before == 0) & (now > 0)].tolist()),
        "distribution": Distribution(
            categories=column.categories, reference=_rounded(before / len(old)), current=_rounded(now / len(new))
        ),
    }
    return figures, ChangeTest(distance, distance >= limits.min_js, statistics.chi_squared_p(before, now))


def _test_missing(reference: Column, current: Column, old: int, new: int, limits: DriftSettings) -> ChangeTest | None:
    rows_before, rows_now = len(reference.values), len(current.values)
    if min(rows_before, rows_now) < limits.min_rows:
        return None
    difference = abs(new / rows_now - old / rows_before)
    counts = (np.array([old, rows_before - old]), np.array([new, rows_now - new]))
    return ChangeTest(difference, difference >= limits.min_missing, statistics.chi_squared_p(*counts))


def _bins(old: NDArray[np.float64], new: NDArray[np.float64], low: float, high: float) -> Distribution:
    """Shares in bins of equal width over the usual range of both samples; the outer bins include values beyond it."""
    now_low, now_high = statistics.usual_range(new)
    edges = np.linspace(min(low, now_low), max(high, now_high), SHOWN_BINS + 1)
    shares = [statistics.count_bins(values, edges[1:-1]) / len(values) for values in (old, new)]
    return Distribution(
        edges=tuple(float(f"{edge:.6g}") for edge in edges), reference=_rounded(shares[0]), current=_rounded(shares[1])
    )


def _rounded(shares: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(share), 5) for share in shares)
