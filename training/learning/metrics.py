"""The metrics of predictions, and the one that decides between models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score, root_mean_squared_error

from schemas.domain import Domain


def metrics_of(domain: Domain, truth: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    """Metrics of n predictions: rmse, mae and r2 for a regression; accuracy and macro_f1 for a classification."""
    if domain.target.classes:
        return {
            "accuracy": float(accuracy_score(truth, predicted)),
            "macro_f1": float(f1_score(truth, predicted, average="macro")),
        }
    return {
        "rmse": float(root_mean_squared_error(truth, predicted)),
        "mae": float(mean_absolute_error(truth, predicted)),
        "r2": float(r2_score(truth, predicted)),
    }


def deciding_metric(domain: Domain) -> str:
    """The metric by which models are chosen."""
    return "accuracy" if domain.target.classes else "rmse"


def is_better(domain: Domain, value: float, than: float) -> bool:
    """Whether a value of the deciding metric is better than another."""
    return value > than if domain.target.classes else value < than


def mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and sample standard deviation over folds."""
    return float(np.mean(values)), float(np.std(values, ddof=1))
