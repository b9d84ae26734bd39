"""The loss of predictions on encoded rows, of which less is better, as growing, races and blends compare it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.metrics import f1_score, roc_auc_score

from registry.steps.sharpening import LEAST_PROBABILITY
from training.learning.encoded_table import EncodedTable
from training.learning.metrics import error_of

_POWERS = (0.2, 5.0)
"""Least and largest power of probabilities."""
_EXTRA = 0.5
"""Rows that are right, and rows that are wrong, beside those of a table."""


def loss(table: EncodedTable, metric: str, rows: NDArray[np.int64], predictions: NDArray[np.float64]) -> float:
    """The loss of predictions for some rows of a table: an error, a log loss, or 1 - a share.

    Args:
        table: that holds the truth.
        metric: that decides.
        rows: numbers of the predicted rows.
        predictions: prices (n,), or probabilities (n, classes) in the order of the table's classes.
    """
    truth = table.target[rows]
    if not table.classes:
        return error_of(metric, truth, predictions)
    codes = truth.astype(np.int64)
    if metric == "log_loss":
        return log_loss(codes, predictions)
    if metric == "auc":
        return 1 - _area(codes, predictions)
    predicted = predictions.argmax(axis=1)
    value = np.mean(predicted == codes) if metric == "accuracy" else f1_score(codes, predicted, average="macro")
    return 1 - float(value)


def log_loss(codes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """The mean negative logarithm of the true class's probability."""
    of_truth = np.clip(probabilities[np.arange(len(codes)), codes], LEAST_PROBABILITY, 1.0)
    return float(-np.mean(np.log(of_truth)))


def best_power(codes: NDArray[np.int64], probabilities: NDArray[np.float64], rows: int) -> float:
    """The power of out-of-fold probabilities at which their log loss is lowest.

    Half a row that is right and half a row that is wrong count beside those of the table, as Krichevsky and Trofimov
    (1981), "The performance of universal encoding", IEEE Transactions on Information Theory 27, estimate a probability
    from counts. Without them a hundred rows that are all right would bear any power, and the first row that is wrong
    would cost as much as all others together. On thousands of rows they change nothing.

    Args:
        codes: positions of the true classes, shape (n,).
        probabilities: shape (n, classes).
        rows: number of different rows: those of further repetitions are no further evidence.
    """
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    right = logs[np.arange(len(codes)), codes]
    wrong = (logs.sum(axis=1) - right) / (logs.shape[1] - 1)
    expected = float(np.mean((rows + _EXTRA) * right + _EXTRA * wrong)) / (rows + 2 * _EXTRA)

    def loss_at(log_power: float) -> float:
        power = float(np.exp(log_power))
        return float(np.mean(logsumexp(power * logs, axis=1))) - power * expected

    found = minimize_scalar(loss_at, bounds=np.log(_POWERS), method="bounded", options={"xatol": 1e-3})
    # rounded, so that the last digits of a sum change nothing
    return round(float(np.exp(found.x)), 3)


def _area(codes: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    present = [code for code in range(probabilities.shape[1]) if 0 < np.sum(codes == code) < len(codes)]
    areas = [roc_auc_score(codes == code, probabilities[:, code]) for code in present]
    return float(np.mean(areas)) if areas else 0.5
