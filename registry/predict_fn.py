"""Asking a fitted estimator without detours: what scikit-learn checks again for each member is checked once.

A forest of 100 trees takes 13 µs a row through its own `predict_proba` and 5 µs through its trees. The answers are the
same, up to the order of additions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answers = NDArray[np.float64]
PredictFn = Callable[[NDArray[np.float64]], Answers]
"""From a matrix without gaps (n, columns) to predictions (n,), or probabilities (n, classes)."""


def predict_fn_of(estimator: Any, method: str) -> PredictFn:
    """How a fitted estimator is asked.

    Args:
        estimator: of scikit-learn, XGBoost or `registry.steps`; one, a pipeline, a blend, or around another.
        method: `predict` for numbers, `predict_proba` for classes.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, Pipeline):
        return _through([step.transform for _, step in estimator.steps[:-1]], predict_fn_of(estimator[-1], method))
    if isinstance(estimator, TransformedTargetRegressor):
        return _back(predict_fn_of(estimator.regressor_, method), estimator.transformer_)
    if isinstance(estimator, VotingRegressor | VotingClassifier):
        members = [predict_fn_of(member, method) for member in estimator.estimators_]
        return _blended(members, estimator.weights or [1.0] * len(members))
    return _ask_alone(estimator, method)


def _ask_alone(estimator: Any, method: str) -> PredictFn:
    """How an estimator is asked that has no other inside."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.ensemble._forest import BaseForest

    from registry.steps.kriging import Kriging

    if isinstance(estimator, BaseForest):
        return _forest(estimator)
    if hasattr(estimator, "get_booster"):
        return _booster(estimator)
    ask: PredictFn = getattr(estimator, method)
    is_threaded = isinstance(estimator, HistGradientBoostingRegressor | HistGradientBoostingClassifier | Kriging)
    return _on_one_thread(ask) if is_threaded else ask


def _through(transforms: Sequence[Callable[[Any], Any]], ask: PredictFn) -> PredictFn:
    def ask_through(matrix: NDArray[np.float64]) -> Answers:
        for transform in transforms:
            matrix = transform(matrix)
        return ask(matrix)

    return ask_through


def _back(ask: PredictFn, transformer: Any) -> PredictFn:
    """Answers in the target's own unit, from those of an estimator that learnt a transformed target."""

    def ask_back(matrix: NDArray[np.float64]) -> Answers:
        answers: Answers = transformer.inverse_transform(ask(matrix).reshape(-1, 1))[:, 0]
        return answers

    return ask_back


def _blended(members: Sequence[PredictFn], weights: Sequence[float]) -> PredictFn:
    shares = [weight / sum(weights) for weight in weights]

    def ask_all(matrix: NDArray[np.float64]) -> Answers:
        total = shares[0] * members[0](matrix)
        for share, member in zip(shares[1:], members[1:], strict=True):
            total = total + share * member(matrix)
        return total

    return ask_all


def _forest(forest: Any) -> PredictFn:
    trees = [member.tree_ for member in forest.estimators_]
    is_regression = not hasattr(forest, "classes_")

    def ask_trees(matrix: NDArray[np.float64]) -> Answers:
        rows = np.ascontiguousarray(matrix, dtype=np.float32)
        total: Answers = trees[0].predict(rows)
        for tree in trees[1:]:
            total += tree.predict(rows)
        total /= len(trees)
        return total[:, 0] if is_regression else total

    return ask_trees


def _on_one_thread(ask: PredictFn) -> PredictFn:
    """Threads that wait for each other wait for whatever else the machine does."""
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()

    def ask_alone(matrix: NDArray[np.float64]) -> Answers:
        with pools.limit(limits=1):
            return ask(matrix)

    return ask_alone


def _booster(estimator: Any) -> PredictFn:
    booster = estimator.get_booster()
    booster.set_param({"nthread": 1})
    is_regression = not hasattr(estimator, "classes_")

    def ask_booster(matrix: NDArray[np.float64]) -> Answers:
        answers = np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float64)
        # of two classes it answers with the probability of the second alone
        return answers if is_regression or answers.ndim > 1 else np.column_stack([1 - answers, answers])

    return ask_booster
