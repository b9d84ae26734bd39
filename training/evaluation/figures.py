"""All figures of n predictions with known truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_percentage_error, precision_recall_fscore_support

from schemas.domain import Domain
from training.learning.metrics import area_of, metrics_of, score


def figures_of(
    domain: Domain, truth: NDArray[Any], predicted: NDArray[Any], probabilities: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """All figures of n predictions.

    Args:
        domain: of the predictions.
        truth: prices or class names, shape (n,).
        predicted: predictions of the same, shape (n,).
        probabilities: (n, classes) in the order of the domain's classes; None for a regression.

    Returns:
        For a regression rmse, mae and median_error in the target's unit, r2, mape, the bias (mean error) in standard
        deviations of the target, and the share within the domain's `within`. For a classification accuracy, macro_f1,
        precision and recall of each class, and with probabilities log_loss, calibration_error and auc (one class
        against the rest, mean over classes).
    """
    metrics, classes = metrics_of(domain, truth, predicted), domain.target.classes
    if not classes:
        return metrics | _of_numbers(truth, predicted, domain.limits.within)
    metrics |= _of_classes(classes, truth, predicted)
    if probabilities is None:
        return metrics
    metrics["log_loss"] = score(domain, "log_loss", truth, probabilities)
    metrics["calibration_error"] = _calibration_error(classes, truth, probabilities)
    area = area_of(classes, truth, probabilities)
    return metrics if area is None else metrics | {"auc": area}


def _of_numbers(truth: NDArray[np.float64], predicted: NDArray[np.float64], within: float | None) -> dict[str, float]:
    errors = predicted - truth
    near = {} if within is None else {f"within_{within:g}": float(np.mean(np.abs(errors) <= within))}
    return near | {
        "mape": float(mean_absolute_percentage_error(truth, predicted)),
        "median_error": float(np.median(np.abs(errors))),
        "bias_sd": float(np.mean(errors) / (np.std(truth) or 1.0)),
    }


def _of_classes(classes: Sequence[str], truth: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    precision, recall, _, _ = precision_recall_fscore_support(truth, predicted, labels=list(classes), zero_division=0.0)
    named = {"precision": precision, "recall": recall}
    return {
        f"{figure}/{name}": float(value)
        for figure, values in named.items()
        for name, value in zip(classes, values, strict=True)
    }


def _calibration_error(
    classes: Sequence[str], truth: NDArray[Any], probabilities: NDArray[np.float64], bins: int = 10
) -> float:
    """How far the probability of the predicted class is from how often it is right, weighted by the rows of each bin.

    It is the expected calibration error (Naeini, Cooper and Hauskrecht 2015) over bins with equal numbers of rows.
    """
    winners = probabilities.argmax(axis=1)
    stated, is_right = probabilities[np.arange(len(truth)), winners], np.array(classes)[winners] == truth
    parts = np.array_split(np.argsort(stated, kind="stable"), min(bins, len(truth)))
    return float(sum(len(part) * abs(stated[part].mean() - is_right[part].mean()) for part in parts) / len(truth))
