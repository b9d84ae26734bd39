"""The estimators of the recipes, each created from a seed, with the parameters of its library unless a line says why.

Each estimator runs on one thread, because folds run in parallel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from xgboost import XGBClassifier, XGBRegressor

from registry.steps.kriging import Kriging

FOREST_TREES, MEAN_TREES, LEAVES = 100, 60, 256
"""Trees of a forest for classes, and of one for numbers, whose leaves are bounded: deep trees are slow to score."""
PENALTIES = np.logspace(-2, 4, 13)
"""Penalties of a ridge regression, of which leave-one-out chooses."""


def on_log_scale(estimator: Any) -> TransformedTargetRegressor:
    """The estimator on a logarithmic scale of the target.

    The inverse hyperbolic sine is the logarithm of twice the value, to 1 % from a value of 4 on, and is also defined
    for zero and negative values (Burbidge, Magee and Robb 1988).
    """
    return TransformedTargetRegressor(estimator, func=np.arcsinh, inverse_func=np.sinh)


def ridge(seed: int) -> RidgeCV:  # noqa: ARG001 - a linear model has no random choice
    """A linear model for numbers that chooses its penalty by leave-one-out."""
    return RidgeCV(PENALTIES)


def logistic(seed: int) -> LogisticRegression:
    """A linear model for classes."""
    return LogisticRegression(max_iter=500, random_state=seed)


def random_forest(seed: int) -> ensemble.RandomForestRegressor:
    """A random forest for numbers."""
    return ensemble.RandomForestRegressor(FOREST_TREES, random_state=seed)


def random_forest_classes(seed: int) -> ensemble.RandomForestClassifier:
    """A random forest for classes."""
    return ensemble.RandomForestClassifier(FOREST_TREES, random_state=seed)


def extra_trees(seed: int) -> ensemble.ExtraTreesRegressor:
    """Extremely randomised trees for numbers; with fewer columns a split, as each threshold is drawn at random."""
    return ensemble.ExtraTreesRegressor(MEAN_TREES, max_leaf_nodes=LEAVES, max_features=0.6, random_state=seed)


def extra_trees_classes(seed: int) -> ensemble.ExtraTreesClassifier:
    """Extremely randomised trees for classes; with more columns a split than the square root of their number."""
    return ensemble.ExtraTreesClassifier(FOREST_TREES, max_features=0.7, random_state=seed)


def gradient_boosting(seed: int) -> ensemble.GradientBoostingRegressor:
    """Gradient boosting for numbers."""
    return ensemble.GradientBoostingRegressor(random_state=seed)


def gradient_boosting_classes(seed: int) -> ensemble.GradientBoostingClassifier:
    """Gradient boosting for classes."""
    return ensemble.GradientBoostingClassifier(random_state=seed)


def histogram_boosting(seed: int) -> ensemble.HistGradientBoostingRegressor:
    """Gradient boosting over histograms for numbers."""
    return ensemble.HistGradientBoostingRegressor(random_state=seed)


def histogram_boosting_classes(seed: int) -> ensemble.HistGradientBoostingClassifier:
    """Gradient boosting over histograms for classes."""
    return ensemble.HistGradientBoostingClassifier(random_state=seed)


def xgboost(seed: int, **own: Any) -> XGBRegressor:
    """XGBoost for numbers."""
    return XGBRegressor(**own, random_state=seed, n_jobs=1)


def xgboost_classes(seed: int, **own: Any) -> ensemble.VotingClassifier:
    """XGBoost for classes, in a vote of one that translates between class names and the numbers XGBoost requires."""
    return ensemble.VotingClassifier([("xgboost", XGBClassifier(**own, random_state=seed, n_jobs=1))], voting="soft")


def kriging(seed: int) -> TransformedTargetRegressor:
    """A Gaussian process on a logarithmic scale."""
    return on_log_scale(Kriging(random_state=seed))
