"""The uncertainty of a figure on the test rows, by bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain

DRAWS = 2000
CONFIDENCE = 0.95
SEED = 0


def bootstrap_interval(domain: Domain, truth: NDArray[Any], predicted: NDArray[Any]) -> tuple[float, float]:
    """The percentile interval of the deciding metric over resampled rows (Efron and Tibshirani 1993, chapter 13).

    Args:
        domain: whose task decides the metric: accuracy, or rmse.
        truth: prices or class names, shape (n,).
        predicted: predictions of the same, shape (n,).
    """
    scores = (truth == predicted).astype(np.float64) if domain.target.classes else (truth - predicted) ** 2
    rng = np.random.default_rng(SEED)
    means = np.array([scores[rng.integers(len(scores), size=len(scores))].mean() for _ in range(DRAWS)])
    values = means if domain.target.classes else np.sqrt(means)
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
