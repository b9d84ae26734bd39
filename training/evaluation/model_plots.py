"""Plots of a model: importance of columns, learning curve, and SHAP values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.canvas import BLUE, GREY, axes, label
from training.evaluation.explaining import Explanation
from training.learning.folding import cross_validate
from training.learning.selection import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 15
CURVE_FOLDS = 3
CURVE_ROWS = 20_000
"""Rows up to which the curve is drawn: it fits the model nine times."""
CURVE_SHARES = (0.25, 0.5, 0.75)


def importance(importances: Mapping[str, float]) -> Figure:
    """The importance of the 15 most important columns."""
    top = list(importances.items())[:TOP][::-1]
    figure, plot = axes("Importance", "loss of R², or of accuracy, when the column is shuffled", "")
    # by position, because the labels of two long names can be the same
    plot.barh(range(len(top)), [loss for _, loss in top], color=BLUE)
    plot.set_yticks(range(len(top)), [label(name) for name, _ in top])
    return figure


def learning_curve(selection: Selection) -> Figure:
    """The deciding metric over the number of training rows, on the first folds."""
    metric = selection.metric
    splits = selection.splits[:CURVE_FOLDS]
    rows, means, sds = [], [], []
    for share in CURVE_SHARES:
        # evenly spaced rows, so that the order of the table does not matter
        fewer = [(_thin(train, share), validation) for train, validation in splits]
        scores = cross_validate(selection.pipeline, selection.train, fewer, metric).scores
        rows.append(int(np.mean([len(train) for train, _ in fewer])))
        means.append(float(np.mean(scores)))
        sds.append(float(np.std(scores)))
    whole = selection.winner.folds.scores[: len(splits)]
    rows.append(int(np.mean([len(train) for train, _ in splits])))
    means.append(float(np.mean(whole)))
    sds.append(float(np.std(whole)))
    figure, plot = axes(f"Learning curve, mean and sd of {len(splits)} folds", "training rows", metric)
    plot.errorbar(rows, means, yerr=sds, marker="o", color=BLUE, ecolor=GREY, capsize=3)
    return figure


def shap_summary(explained: Explanation) -> Figure:
    """The contribution of each column to single predictions, the most important on top; colour is the column's value.

    For classes the mean size is shown, summed over classes.
    """
    values = explained.values
    sizes = np.abs(values).mean(axis=0)
    has_classes = sizes.ndim > 1
    totals = sizes.sum(axis=1) if has_classes else sizes
    top = np.argsort(totals)[-TOP:]
    shown = [label(explained.names[column]) for column in top]
    meaning = "mean size, summed over classes" if has_classes else "contribution to the prediction"
    figure, plot = axes(f"SHAP values of {explained.estimator}", meaning, "")
    plot.set_yticks(range(len(top)), shown)
    if has_classes:
        plot.barh(range(len(top)), totals[top], color=BLUE)
        return figure
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(values))
    for height, column in enumerate(top):
        colours = _ranks(explained.rows[:, column])
        plot.scatter(values[:, column], height + jitter, c=colours, cmap="coolwarm", s=6, alpha=0.7)
    return figure


def _thin(rows: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    fewer: NDArray[np.int64] = rows[np.linspace(0, len(rows) - 1, max(int(share * len(rows)), 1)).astype(int)]
    return fewer


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.argsort(np.argsort(values)) / max(len(values) - 1, 1)
