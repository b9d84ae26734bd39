"""The metrics of predictions, and the one that decides between models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from registry.steps.sharpening import LEAST_PROBABILITY
from schemas.classes import ClassThreshold, winners_of
from schemas.domain import Domain
from schemas.errors import ConfigurationError
from schemas.sections import TrainingSettings

NUMBER_METRICS = ("rmse", "mae", "mape")
CLASS_METRICS = ("log_loss", "accuracy", "macro_f1", "auc")
_HIGHER = frozenset({"accuracy", "macro_f1", "auc", "r2"})


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


def deciding_metric(domain: Domain, training: TrainingSettings) -> str:
    """The metric by which models are chosen: `training.metric`, else rmse for numbers and log_loss for classes.

    Raises:
        ConfigurationError: `training.metric` is not for the domain's task.
    """
    fitting = CLASS_METRICS if domain.target.classes else NUMBER_METRICS
    metric = training.metric or fitting[0]
    if metric not in fitting:
        raise ConfigurationError(
            f"training.metric is {metric}, which is not for {domain.name} ({domain.task}); "
            f"choose from {', '.join(fitting)}"
        )
    return metric


def score(
    domain: Domain,
    metric: str,
    truth: NDArray[Any],
    predictions: NDArray[np.float64],
    threshold: ClassThreshold | None = None,
) -> float:
    """One metric of n predictions.

    Args:
        domain: of the predictions.
        metric: of `NUMBER_METRICS` or `CLASS_METRICS`.
        truth: prices or class names, shape (n,).
        predictions: prices (n,), or probabilities (n, classes) in the order of the domain's classes.
        threshold: from which probability on one of two classes is predicted.
    """
    classes = domain.target.classes
    if not classes:
        return error_of(metric, truth, predictions)
    names = np.array(classes)
    if metric == "log_loss":
        of_truth = predictions[truth[:, None] == names]
        return float(-np.mean(np.log(np.clip(of_truth, LEAST_PROBABILITY, 1.0))))
    if metric == "auc":
        area = area_of(classes, truth, predictions)
        return float("nan") if area is None else area
    return metrics_of(domain, truth, names[winners_of(predictions, classes, threshold)])[metric]


def error_of(metric: str, truth: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """One of `NUMBER_METRICS` of n numbers."""
    if metric == "rmse":
        return float(root_mean_squared_error(truth, predictions))
    kind = mean_absolute_error if metric == "mae" else mean_absolute_percentage_error
    return float(kind(truth, predictions))


def area_of(classes: Sequence[str], truth: NDArray[Any], probabilities: NDArray[np.float64]) -> float | None:
    """The area under the ROC curve of each class against the rest, as a mean; None if no row has another class."""
    is_class = truth[:, None] == np.array(classes)
    # the area is not defined for a class that no row or every row has
    defined = [column for column in range(len(classes)) if 0 < is_class[:, column].sum() < len(truth)]
    areas = [roc_auc_score(is_class[:, column], probabilities[:, column]) for column in defined]
    return float(np.mean(areas)) if areas else None


def is_higher_better(metric: str) -> bool:
    """Whether a higher value of a metric is better."""
    return metric in _HIGHER


def is_better(metric: str, value: float, than: float) -> bool:
    """Whether a value of a metric is better than another."""
    return value > than if metric in _HIGHER else value < than


def loss_of(metric: str, value: float) -> float:
    """A metric as a loss, of which less is better: 1 - value where more is better."""
    return 1 - value if metric in _HIGHER else value


def mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and sample standard deviation over folds."""
    return float(np.mean(values)), float(np.std(values, ddof=1))
