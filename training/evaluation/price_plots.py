"""Plots of a regression: predictions and residuals against prices, and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.evaluation.canvas import BLUE, GREY, ORANGE, axes
from training.evaluation.evaluating import Evaluation
from training.learning.selection import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 30
CALIBRATION_BINS = 10


def predicted_against_actual(selection: Selection, evaluation: Evaluation) -> Figure:
    """Predictions over prices, out of fold and on the test rows; exact predictions are on the line."""
    train, test = selection.train, evaluation.test
    unit = train.domain.target.unit
    figure, plot = axes("Predicted against actual", f"actual ({unit})", f"predicted ({unit})")
    plot.scatter(train.target, selection.winner.folds.out_of_fold, s=12, color=GREY, alpha=0.5, label="out of fold")
    plot.scatter(test.target, evaluation.predicted, s=16, color=BLUE, alpha=0.8, label="test rows")
    ends = [float(np.min(train.target)), float(np.max(train.target))]
    plot.plot(ends, ends, color=ORANGE, linewidth=1)
    plot.legend(frameon=False)
    return figure


def residuals(selection: Selection, evaluation: Evaluation) -> Figure:
    """Errors over predictions, out of fold and on the test rows."""
    unit = selection.train.domain.target.unit
    figure, plot = axes("Residuals", f"predicted ({unit})", "predicted - actual")
    out_of_fold = selection.winner.folds.out_of_fold
    plot.scatter(out_of_fold, _errors(selection), s=12, color=GREY, alpha=0.5, label="out of fold")
    errors = evaluation.predicted - evaluation.test.target
    plot.scatter(evaluation.predicted, errors, s=16, color=BLUE, alpha=0.8, label="test rows")
    plot.axhline(0, color=ORANGE, linewidth=1)
    plot.legend(frameon=False)
    return figure


def residual_distribution(selection: Selection, _: Evaluation) -> Figure:
    """The distribution of out-of-fold errors, beside a normal distribution with the same mean and spread."""
    errors = _errors(selection)
    figure, plot = axes("Distribution of the residuals", "predicted - actual", "density")
    plot.hist(errors, bins=BINS, density=True, color=BLUE, alpha=0.7)
    mean, sd = float(np.mean(errors)), float(np.std(errors)) or 1.0
    at = np.linspace(errors.min(), errors.max(), 200)
    plot.plot(at, np.exp(-0.5 * ((at - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi)), color=ORANGE)
    return figure


def calibration(selection: Selection, _: Evaluation) -> Figure:
    """Mean price over mean prediction in ten bins of equal size, out of fold."""
    unit = selection.train.domain.target.unit
    order = np.argsort(selection.winner.folds.out_of_fold)
    bins = [rows for rows in np.array_split(order, CALIBRATION_BINS) if len(rows)]
    predicted = [float(np.mean(selection.winner.folds.out_of_fold[rows])) for rows in bins]
    actual = [float(np.mean(selection.train.target[rows])) for rows in bins]
    figure, plot = axes("Calibration, in tenths of the rows", f"mean prediction ({unit})", f"mean actual ({unit})")
    plot.plot([predicted[0], predicted[-1]], [predicted[0], predicted[-1]], color=ORANGE, linewidth=1)
    plot.plot(predicted, actual, marker="o", color=BLUE)
    return figure


def _errors(selection: Selection) -> NDArray[np.float64]:
    errors: NDArray[np.float64] = selection.winner.folds.out_of_fold - selection.train.target
    return errors
