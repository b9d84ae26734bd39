"""Sharpening: a classifier's probabilities raised to a power, so that their logarithms are as right as their order.

A mean of many trees is too careful, a boosted sum may be too sure. One power, fitted out of fold, mends both and
changes no ranking (temperature scaling: Guo and others 2017, "On calibration of modern neural networks").
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

LEAST_PROBABILITY = 1e-7


class SharpenedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose probabilities are raised to a power and divided by their sum.

    Args:
        estimator: the classifier.
        power: above 1 it makes large probabilities larger.
    """

    def __init__(self, estimator: Any = None, power: float = 1.0) -> None:
        self.estimator = estimator
        self.power = power

    def fit(self, X: NDArray[np.float64], y: NDArray[Any]) -> Self:
        """Fit the classifier on rows (n, columns) and their classes (n,)."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes) in the order of `classes_`."""
        check_is_fitted(self, "estimator_")
        return sharpened(self.estimator_.predict_proba(X), self.power)

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        """The most probable class of each row, shape (n,)."""
        classes: NDArray[Any] = self.classes_[np.argmax(self.predict_proba(X), axis=1)]
        return classes


def sharpened(probabilities: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Probabilities (n, classes) raised to a power and divided by their sum.

    Those below `LEAST_PROBABILITY` count as that, so that no class becomes impossible.
    """
    raised: NDArray[np.float64] = np.maximum(probabilities, LEAST_PROBABILITY) ** power
    raised /= raised.sum(axis=1, keepdims=True)
    return raised
