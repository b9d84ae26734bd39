"""The comparison of two models on the same folds: the gain, its interval, and the share of folds won.

Folds share most of their training rows, so their scores are not independent, and the usual interval of a mean is far
too narrow. The correction is that of Nadeau and Bengio (2003), "Inference for the generalization error", Machine
Learning 52: the variance of the mean of k differences is (1/k + n_validation/n_train) times their sample variance, with
Student's t of k - 1 degrees of freedom. With a few hundred rows, few gains are significant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from training.learning.folding import Split
from training.learning.metrics import is_higher_better, loss_of

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better one model is than another, as shares of the other's mean loss; positive is better.

    A loss is an error or a log loss, or what a share such as accuracy lacks to 1.

    Attributes:
        gain: of the mean loss.
        low: lower end of the corrected interval.
        high: upper end of the corrected interval.
        naive_low: lower end of the interval that assumes independent folds.
        naive_high: upper end of that interval.
        won: share of the folds in which the model is better; a tie counts half.
        folds: number of folds.
    """

    gain: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    won: float
    folds: int


def compare(
    scores: NDArray[np.float64], others: NDArray[np.float64], metric: str, splits: Sequence[Split]
) -> Comparison:
    """Compare the scores of two models on the same folds.

    Args:
        scores: the deciding metric of each fold, shape (folds,).
        others: the other model's scores, in the same order.
        metric: whose scores these are.
        splits: the folds.

    Raises:
        ValueError: the numbers of scores and folds differ, or a score is not finite.
    """
    if scores.shape != others.shape or scores.shape != (len(splits),):
        raise ValueError(f"{scores.shape} and {others.shape} scores for {len(splits)} folds")
    if not (np.isfinite(scores).all() and np.isfinite(others).all()):
        raise ValueError("a score is not a finite number")
    differences = (scores - others) if is_higher_better(metric) else (others - scores)
    ratio = _ratio_of(splits)
    scale = abs(loss_of(metric, float(np.mean(others)))) or 1.0
    gain = float(np.mean(differences))
    corrected, naive = _half_width(differences, ratio), _half_width(differences, 0.0)
    won = float(np.mean((differences > 0) + 0.5 * (differences == 0)))
    return Comparison(
        gain=gain / scale,
        low=(gain - corrected) / scale,
        high=(gain + corrected) / scale,
        naive_low=(gain - naive) / scale,
        naive_high=(gain + naive) / scale,
        won=won,
        folds=len(splits),
    )


def interval_of(scores: NDArray[np.float64], splits: Sequence[Split]) -> tuple[float, float]:
    """The corrected interval of a mean score over folds."""
    half = _half_width(scores, _ratio_of(splits))
    return float(np.mean(scores)) - half, float(np.mean(scores)) + half


def standard_error_of(values: NDArray[np.float64], splits: Sequence[Split]) -> float:
    """The corrected standard error of a mean over folds; infinite for one fold."""
    return _standard_error(values, _ratio_of(splits))


def _ratio_of(splits: Sequence[Split]) -> float:
    """n_validation / n_train of the folds."""
    return float(np.mean([len(validation) / len(train) for train, validation in splits]))


def _standard_error(values: NDArray[np.float64], ratio: float) -> float:
    """The standard error of a mean; `ratio` is n_validation / n_train, or 0 for independent values."""
    count = len(values)
    return float("inf") if count == 1 else float(np.sqrt((1 / count + ratio) * np.var(values, ddof=1)))


def _half_width(values: NDArray[np.float64], ratio: float) -> float:
    """Half the width of a mean's interval; arguments as of `_standard_error`."""
    error = _standard_error(values, ratio)
    return error if np.isinf(error) else float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)
