"""The search spaces, by estimator. Their bounds keep the cost of a row within the default limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.learning.estimators import GRADIENT_BOOSTING, XGBOOST, XGBOOST_CLASSES

if TYPE_CHECKING:
    from optuna import Trial


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Parameters to search.

    Attributes:
        suggest: returns the parameters of a trial.
        start: parameters of the first trial: the recipe's own, as the baseline of the search.
    """

    suggest: Callable[[Trial], dict[str, Any]]
    start: Mapping[str, Any]


def _gradient_boosting(trial: Trial) -> dict[str, Any]:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 100, 300, step=25),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "max_depth": trial.suggest_int("max_depth", 3, 5),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0, step=0.1),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0, step=0.1),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 8),
    }


def _xgboost(trial: Trial) -> dict[str, Any]:
    return {
        "n_estimators": trial.suggest_int("n_estimators", 50, 400, step=10),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.4, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 6),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 8.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0, step=0.1),
        "colsample_bynode": trial.suggest_float("colsample_bynode", 0.3, 1.0, step=0.1),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 10.0, log=True),
    }


GRADIENT_BOOSTING_SPACE = SearchSpace(_gradient_boosting, GRADIENT_BOOSTING)
XGBOOST_SPACE = SearchSpace(_xgboost, XGBOOST)
XGBOOST_CLASSES_SPACE = SearchSpace(_xgboost, XGBOOST_CLASSES)
