"""Builds fast predict functions for fitted estimators: input checks run once, not again for each member.

A forest of 100 trees takes 13 µs a row through its own `predict_proba` and 5 µs through its trees. The predictions are
the same, except for the order of additions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Predictions = NDArray[np.float64]
PredictFn = Callable[[NDArray[np.float64]], Predictions]
"""From a matrix without gaps (n, columns) to predictions (n,), or probabilities (n, classes)."""


def predict_fn_of(estimator: Any, method: str) -> PredictFn:
    """The predict function of a fitted estimator.

    Args:
        estimator: of scikit-learn, XGBoost or `registry.steps`; single, a pipeline, a blend, or wrapping another.
        method: `predict` for numbers, `predict_proba` for classes.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, Pipeline):
        return _transformed([step.transform for _, step in estimator.steps[:-1]], predict_fn_of(estimator[-1], method))
    if isinstance(estimator, TransformedTargetRegressor):
        return _with_target_transform(predict_fn_of(estimator.regressor_, method), estimator.transformer_)
    if isinstance(estimator, VotingRegressor | VotingClassifier):
        members = [predict_fn_of(member, method) for member in estimator.estimators_]
        return _weighted_mean(members, estimator.weights or [1.0] * len(members))
    return _of_single(estimator, method)


def _of_single(estimator: Any, method: str) -> PredictFn:
    """The predict function of an estimator that contains no other."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._forest import BaseForest

    from registry.steps.kriging import Kriging

    if isinstance(estimator, BaseForest):
        return _of_forest(estimator)
    if hasattr(estimator, "get_booster"):
        return _of_booster(estimator)
    predict: PredictFn = getattr(estimator, method)
    is_threaded = isinstance(estimator, HistGradientBoostingRegressor | HistGradientBoostingClassifier | Kriging)
    return _on_one_thread(predict) if is_threaded else predict


def _transformed(transforms: Sequence[Callable[[Any], Any]], predict: PredictFn) -> PredictFn:
    def predict_transformed(matrix: NDArray[np.float64]) -> Predictions:
        for transform in transforms:
            matrix = transform(matrix)
        return predict(matrix)

    return predict_transformed


def _with_target_transform(predict: PredictFn, transformer: Any) -> PredictFn:
    """Predictions in the target's own unit, from an estimator that learned a transformed target."""

    def predict_in_unit(matrix: NDArray[np.float64]) -> Predictions:
        predictions: Predictions = transformer.inverse_transform(predict(matrix).reshape(-1, 1))[:, 0]
        return predictions

    return predict_in_unit


def _weighted_mean(members: Sequence[PredictFn], weights: Sequence[float]) -> PredictFn:
    shares = [weight / sum(weights) for weight in weights]

    def predict_mean(matrix: NDArray[np.float64]) -> Predictions:
        total = shares[0] * members[0](matrix)
        for share, member in zip(shares[1:], members[1:], strict=True):
            total = total + share * member(matrix)
        return total

    return predict_mean


def _of_forest(forest: Any) -> PredictFn:
    trees = [member.tree_ for member in forest.estimators_]
    is_regression = not hasattr(forest, "classes_")

    def predict_by_trees(matrix: NDArray[np.float64]) -> Predictions:
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        total: Predictions = trees[0].predict(rows)
        for tree in trees[1:]:
            total += tree.predict(rows)
        total /= len(trees)
        return total[:, 0] if is_regression else total

    return predict_by_trees


def _on_one_thread(predict: PredictFn) -> PredictFn:
    """Limits BLAS and OpenMP to one thread: threads that wait for each other make the time depend on other load."""
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()

    def predict_on_one_thread(matrix: NDArray[np.float64]) -> Predictions:
        with pools.limit(limits=1):
            return predict(matrix)

    return predict_on_one_thread


def _of_booster(estimator: Any) -> PredictFn:
    booster = estimator.get_booster()
    booster.set_param({"nthread": 1})
    is_regression = not hasattr(estimator, "classes_")

    def predict_by_booster(matrix: NDArray[np.float64]) -> Predictions:
        predictions = np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float64)
        # for two classes it returns the probability of the second alone
        is_second_alone = predictions.ndim == 1 and not is_regression
        return np.column_stack([1 - predictions, predictions]) if is_second_alone else predictions

    return predict_by_booster
