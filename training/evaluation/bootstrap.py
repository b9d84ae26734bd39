"""The uncertainty of a figure on the test rows, by bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from training.learning.metrics import score

DRAWS, LEAST_DRAWS = 1000, 100
MOST_ROWS = 2_000_000
"""Rows that all draws together score, so that a large table takes no longer than a small one."""
CONFIDENCE = 0.95
SEED = 0


def bootstrap_interval(
    domain: Domain, metric: str, truth: NDArray[Any], predictions: NDArray[np.float64]
) -> tuple[float, float]:
    """The percentile interval of a metric over resampled rows (Efron and Tibshirani 1993, chapter 13).

    Args:
        domain: of the predictions.
        metric: of `training.learning.metrics`.
        truth: prices or class names, shape (n,).
        predictions: prices (n,), or probabilities (n, classes) in the order of the domain's classes.
    """
    rng = np.random.default_rng(SEED)
    draws = max(LEAST_DRAWS, min(DRAWS, MOST_ROWS // len(truth)))
    values = []
    for _ in range(draws):
        rows = rng.integers(len(truth), size=len(truth))
        value = score(domain, metric, truth[rows], predictions[rows])
        if np.isfinite(value):
            values.append(value)
    if not values:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
