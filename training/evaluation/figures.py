"""All figures of n predictions with known truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from schemas.domain import Domain
from training.learning.metrics import metrics_of

NEAR = 5.0
"""Units of the target within which a prediction counts as near."""
_LEAST_PROBABILITY = 1e-15


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
        For a regression rmse, mae and median_error in the target's unit, r2, the share within 5 units, and the bias
        (mean error) as a share of the target's mean. For a classification accuracy, macro_f1, precision and recall of
        each class, and with probabilities log_loss and auc (one class against the rest, mean over classes).
    """
    metrics, classes = metrics_of(domain, truth, predicted), domain.target.classes
    if not classes:
        return metrics | _of_numbers(truth, predicted)
    metrics |= _of_classes(classes, truth, predicted)
    return metrics if probabilities is None else metrics | _of_probabilities(classes, truth, probabilities)


def _of_numbers(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, float]:
    errors = predicted - truth
    return {
        "median_error": float(np.median(np.abs(errors))),
        f"within_{NEAR:g}": float(np.mean(np.abs(errors) <= NEAR)),
        "bias_share": float(np.mean(errors) / (abs(np.mean(truth)) or 1.0)),
    }


def _of_classes(classes: Sequence[str], truth: NDArray[Any], predicted: NDArray[Any]) -> dict[str, float]:
    precision, recall, _, _ = precision_recall_fscore_support(truth, predicted, labels=list(classes), zero_division=0.0)
    named = {"precision": precision, "recall": recall}
    return {
        f"{figure}/{name}": float(value)
        for figure, values in named.items()
        for name, value in zip(classes, values, strict=True)
    }


def _of_probabilities(
    classes: Sequence[str], truth: NDArray[Any], probabilities: NDArray[np.float64]
) -> dict[str, float]:
    is_class = truth[:, None] == np.array(classes)
    # the same as scikit-learn's log_loss, which requires columns in alphabetical order
    of_truth = np.clip(probabilities[is_class], _LEAST_PROBABILITY, 1.0)
    # the area is not defined for a class that no row or every row has
    defined = [column for column in range(len(classes)) if 0 < is_class[:, column].sum() < len(truth)]
    areas = [roc_auc_score(is_class[:, column], probabilities[:, column]) for column in defined]
    return {"log_loss": float(-np.mean(np.log(of_truth)))} | ({"auc": float(np.mean(areas))} if areas else {})
