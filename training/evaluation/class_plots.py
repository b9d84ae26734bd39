"""Plots of a classification: the confusion matrix, and the calibration of the confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.canvas import BLUE, GREY, ORANGE, WIDTH_INCHES, axes, label
from training.evaluation.evaluating import Evaluation
from training.learning.selection import Selection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10


def confusion_matrix(selection: Selection, _: Evaluation) -> Figure:
    """How often each class is predicted for each actual class, out of fold."""
    from sklearn.metrics import confusion_matrix as count

    train, classes = selection.train, list(selection.train.domain.target.classes)
    counts = count(train.target, selection.winner.folds.out_of_fold, labels=classes)
    figure, plot = axes("Confusion matrix, out of fold", "predicted", "actual", WIDTH_INCHES)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    plot.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    plot.grid(visible=False)
    labels = [label(name) for name in classes]
    plot.set_xticks(range(len(classes)), labels, rotation=45, ha="right")
    plot.set_yticks(range(len(classes)), labels)
    for row, column in np.ndindex(counts.shape):
        color = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004 - the middle of the colour scale
        plot.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
    return figure


def calibration(selection: Selection, _: Evaluation) -> Figure:
    """Share of correct predictions over confidence, in bins of equal size, out of fold."""
    folds, train = selection.winner.folds, selection.train
    figure, plot = axes("Calibration", "confidence (mean of a bin)", "share of correct predictions")
    plot.plot([0, 1], [0, 1], color=ORANGE, linewidth=1)
    if folds.probabilities is not None:
        confidence = folds.probabilities.max(axis=1)
        is_correct = folds.out_of_fold == train.target
        bins = [rows for rows in np.array_split(np.argsort(confidence), BINS) if len(rows)]
        means = [float(np.mean(confidence[rows])) for rows in bins]
        plot.plot(means, [float(np.mean(is_correct[rows])) for rows in bins], marker="o", color=BLUE)
        plot.hist(confidence, bins=20, range=(0, 1), weights=np.full(len(confidence), 1 / len(confidence)), color=GREY)
    plot.set(xlim=(0, 1), ylim=(0, 1.02))
    return figure
