"""The naive baseline, which always predicts the mean of the training targets, or their most common class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.selection import Selection


def baseline_scores(selection: Selection) -> NDArray[np.float64]:
    """The deciding metric of the naive baseline on each fold, shape (folds,)."""
    target, domain = selection.train.target, selection.train.domain
    metric = deciding_metric(domain)
    scores = []
    for train, validation in selection.splits:
        predicted = naive_predictions(domain, target[train], len(validation))
        scores.append(metrics_of(domain, target[validation], predicted)[metric])
    return np.array(scores)


def naive_predictions(domain: Domain, target: NDArray[Any], count: int) -> NDArray[Any]:
    """The baseline's predictions for `count` rows, given the training targets."""
    if not domain.target.classes:
        return np.full(count, np.mean(target))
    names, counts = np.unique(target, return_counts=True)
    return np.full(count, names[counts.argmax()])
