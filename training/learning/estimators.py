"""The estimators of the recipes, each created from a seed and named parameters.

Their default parameters were tuned by hand on the Boston and the obesity table, on folds with other seeds than those of
`make bench-models`. Each estimator runs on one thread, because folds run in parallel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.compose import TransformedTargetRegressor
from xgboost import XGBClassifier, XGBRegressor

from registry.steps.kriging import Kriging

GRADIENT_BOOSTING: dict[str, Any] = {
    "n_estimators": 300,
    "learning_rate": 0.05,
    "max_depth": 4,
    "subsample": 0.7,
    "max_features": 0.4,
    "min_samples_leaf": 1,
}
XGBOOST: dict[str, Any] = {
    "n_estimators": 400,
    "learning_rate": 0.05,
    "max_depth": 3,
    "min_child_weight": 1.0,
    "subsample": 0.7,
    "colsample_bynode": 0.4,
    "reg_lambda": 1.0,
}
XGBOOST_CLASSES = XGBOOST | {
    "n_estimators": 80,
    "learning_rate": 0.3,
    "subsample": 0.8,
    "colsample_bynode": 0.5,
}


def on_log_scale(estimator: Any) -> TransformedTargetRegressor:
    """The estimator on a logarithmic scale of the target.

    The inverse hyperbolic sine is the logarithm of twice the value, to 1 % from a value of 4 on, and is also defined
    for zero and negative values (Burbidge, Magee and Robb 1988).
    """
    return TransformedTargetRegressor(estimator, func=np.arcsinh, inverse_func=np.sinh)


def random_forest(seed: int, **own: Any) -> ensemble.RandomForestRegressor:
    """A random forest for numbers."""
    return ensemble.RandomForestRegressor(**{"n_estimators": 100} | own, random_state=seed)


def random_forest_classes(seed: int, **own: Any) -> ensemble.RandomForestClassifier:
    """A random forest for classes."""
    return ensemble.RandomForestClassifier(**{"n_estimators": 100} | own, random_state=seed)


def extra_trees(seed: int, **own: Any) -> ensemble.ExtraTreesRegressor:
    """Extremely randomised trees for numbers."""
    return ensemble.ExtraTreesRegressor(**{"n_estimators": 100, "max_features": 0.6} | own, random_state=seed)


def extra_trees_classes(seed: int, **own: Any) -> ensemble.ExtraTreesClassifier:
    """Extremely randomised trees for classes."""
    return ensemble.ExtraTreesClassifier(**{"n_estimators": 100, "max_features": 0.7} | own, random_state=seed)


def forests(seed: int) -> ensemble.VotingClassifier:
    """A soft vote of both kinds of forest, with as many trees together as one forest."""
    return ensemble.VotingClassifier(
        [
            ("random", random_forest_classes(seed, n_estimators=60)),
            ("extra", extra_trees_classes(seed, n_estimators=40)),
        ],
        voting="soft",
        weights=[1.0, 1.0],
    )


def gradient_boosting(seed: int, *, log: bool = False, **own: Any) -> Any:
    """Stochastic gradient boosting for numbers (Friedman 2002): each tree uses a sample of the rows and columns."""
    estimator = ensemble.GradientBoostingRegressor(**GRADIENT_BOOSTING | own, random_state=seed)
    return on_log_scale(estimator) if log else estimator


def gradient_boosting_classes(seed: int, **own: Any) -> ensemble.GradientBoostingClassifier:
    """Stochastic gradient boosting for classes."""
    defaults = {"n_estimators": 60, "learning_rate": 0.2, "subsample": 0.8, "max_features": 0.5}
    return ensemble.GradientBoostingClassifier(**defaults | own, random_state=seed)


def histogram_boosting(seed: int, **own: Any) -> ensemble.HistGradientBoostingRegressor:
    """Gradient boosting over histograms for numbers."""
    defaults = {"max_iter": 120, "max_depth": 5, "max_features": 0.4, "min_samples_leaf": 5, "early_stopping": False}
    return ensemble.HistGradientBoostingRegressor(**defaults | own, random_state=seed)


def histogram_boosting_classes(seed: int, **own: Any) -> ensemble.HistGradientBoostingClassifier:
    """Gradient boosting over histograms for classes."""
    defaults = {"max_iter": 60, "max_depth": 4, "max_features": 0.5, "early_stopping": False}
    return ensemble.HistGradientBoostingClassifier(**defaults | own, random_state=seed)


def plain_xgboost(seed: int, **own: Any) -> XGBRegressor:
    """XGBoost for numbers, with its own defaults."""
    return XGBRegressor(**own, random_state=seed, n_jobs=1)


def xgboost(seed: int, *, log: bool = False, **own: Any) -> Any:
    """XGBoost for numbers; each split uses a sample of the columns."""
    estimator = plain_xgboost(seed, **XGBOOST | own)
    return on_log_scale(estimator) if log else estimator


def xgboost_classes(seed: int, **own: Any) -> ensemble.VotingClassifier:
    """XGBoost for classes, in a vote of one that translates between class names and the numbers XGBoost requires."""
    classifier = XGBClassifier(**XGBOOST_CLASSES | own, random_state=seed, n_jobs=1)
    return ensemble.VotingClassifier([("xgboost", classifier)], voting="soft")


def kriging(seed: int, **own: Any) -> TransformedTargetRegressor:
    """A Gaussian process on a logarithmic scale."""
    return on_log_scale(Kriging(**own, random_state=seed))
