"""The naive answer, which a model must beat: it knows the training targets and no feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.tables import Table
from training.learning.folding import Split
from training.learning.metrics import score

_MEDIAN = frozenset({"mae", "mape"})
"""Metrics for which no constant is better than the median."""


def naive_scores(table: Table, metric: str, splits: Sequence[Split]) -> NDArray[np.float64]:
    """The metric of the naive answer on each fold, shape (folds,)."""
    return np.array(
        [
            score(
                table.domain,
                metric,
                table.target[validation],
                naive_predictions(table, metric, table.target[train], len(validation)),
            )
            for train, validation in splits
        ]
    )


def naive_predictions(table: Table, metric: str, target: NDArray[Any], count: int) -> NDArray[np.float64]:
    """The naive answer for `count` rows: the mean, or the median where that is better, or the shares of the classes.

    Args:
        table: whose domain declares the classes.
        metric: that decides.
        target: of the training rows.
        count: of rows to predict.

    Returns:
        Shape (count,), or (count, classes) in the order of the domain's classes.
    """
    classes = table.domain.target.classes
    if not classes:
        return np.full(count, np.median(target) if metric in _MEDIAN else np.mean(target))
    shares = np.array([np.mean(target == name) for name in classes])
    return np.tile(shares, (count, 1))
