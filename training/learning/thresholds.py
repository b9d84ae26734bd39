"""From which probability on the rarer of two classes is predicted, where `training.threshold` asks for it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from schemas.classes import ClassThreshold
from schemas.domain import Domain
from schemas.errors import ConfigurationError

Asked = Literal["macro_f1", "balanced_accuracy"] | float


def check_threshold(domain: Domain, asked: Asked | None) -> None:
    """Check that a threshold can be kept.

    Raises:
        ConfigurationError: the domain does not have two classes.
    """
    count = len(domain.target.classes)
    if asked is not None and count != 2:  # noqa: PLR2004 - a threshold parts two classes
        has = f"{count} classes" if count else "a number as its target"
        raise ConfigurationError(f"training.threshold is for two classes, and {domain.name} has {has}: remove it")


def choose_threshold(
    domain: Domain, truth: NDArray[Any], probabilities: NDArray[np.float64], asked: Asked
) -> ClassThreshold:
    """The threshold of the rarer class.

    Args:
        domain: with two classes.
        truth: class names (n,).
        probabilities: out of fold, (n, 2), in the order of the domain's classes.
        asked: a probability, or the metric that is to be largest; among equals the nearest to a half.
    """
    classes = domain.target.classes
    counts = [int(np.sum(truth == name)) for name in classes]
    position = counts.index(min(counts))
    if isinstance(asked, float):
        return ClassThreshold(name=classes[position], probability=asked)
    shares, is_rare = probabilities[:, position], truth == classes[position]
    order = np.argsort(-shares, kind="stable")
    # predicting the first k rows as the rarer class, k from 0 to n
    hits = np.concatenate([[0], np.cumsum(is_rare[order])]).astype(np.float64)
    predicted, rare, rows = np.arange(len(truth) + 1), int(is_rare.sum()), len(truth)
    others = rows - rare - (predicted - hits)
    if asked == "macro_f1":
        of_rare = 2 * hits / np.maximum(predicted + rare, 1)
        of_others = 2 * others / np.maximum(rows - predicted + rows - rare, 1)
        reached = (of_rare + of_others) / 2
    else:
        reached = (hits / max(rare, 1) + others / max(rows - rare, 1)) / 2
    ranked = np.concatenate([[1.0], shares[order], [0.0]])
    between = (ranked[:-1] + ranked[1:]) / 2
    # rows with equal probabilities go the same way
    is_possible = (ranked[:-1] > ranked[1:]) & (between > 0) & (between < 1)
    best = reached[is_possible].max()
    allowed = between[is_possible & (reached >= best)]
    return ClassThreshold(name=classes[position], probability=float(allowed[np.argmin(np.abs(allowed - 0.5))]))


def with_threshold(estimator: Any, threshold: ClassThreshold, matrix: NDArray[Any], labels: NDArray[Any]) -> Any:
    """A fitted classifier that predicts by a threshold; its probabilities stay.

    Args:
        estimator: fitted, with `predict_proba`.
        threshold: of one of its two classes.
        matrix: rows (n, columns) of both classes.
        labels: their classes (n,).
    """
    return FixedThresholdClassifier(
        FrozenEstimator(estimator),
        threshold=threshold.probability,
        pos_label=threshold.name,
        response_method="predict_proba",
    ).fit(matrix, labels)
