"""The naive baseline: whoever knows only the training targets, and answers their mean, or their commonest class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.selection import Selection


def baseline_scores(selection: Selection) -> NDArray[np.float64]:
    """The deciding metric of the naive baseline on each fold, shape (folds,)."""
    learn, domain = selection.learn, selection.learn.domain
    metric = deciding_metric(domain)
    scores = [
        metrics_of(domain, learn.target[judge], naive_answers(domain, learn.target[teach], len(judge)))[metric]
        for teach, judge in selection.splits
    ]
    return np.array(scores)


def naive_answers(domain: Domain, known: NDArray[Any], count: int) -> NDArray[Any]:
    """What the baseline says of so many rows, having seen these targets."""
    if not domain.target.classes:
        return np.full(count, np.mean(known))
    names, counts = np.unique(known, return_counts=True)
    return np.full(count, names[counts.argmax()])
