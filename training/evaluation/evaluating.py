"""The evaluation of a selection's winner. Only this module uses the test rows, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.card import COST_METRIC
from schemas.classes import winners_of
from training.data.tables import Table
from training.evaluation.bootstrap import bootstrap_interval
from training.evaluation.figures import figures_of
from training.evaluation.intervals import IntervalFigures, interval_figures
from training.evaluation.segments import SegmentFigures, figures_by_segment, segments_of
from training.learning.metrics import CLASS_METRICS, NUMBER_METRICS, mean_and_sd, score
from training.learning.selection import Selection


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures and predictions of a selection's winner.

    Attributes:
        metrics: ``cv_…`` over folds, ``test_…`` on the test rows, ``us_per_row``, by name.
        on_test: figures on the test rows.
        out_of_fold: figures of the out-of-fold predictions on the training rows.
        test_interval: of the deciding metric, by bootstrap over the test rows.
        test_segments: figures by segment on the test rows.
        segments: figures by segment on the training rows, out of fold.
        intervals: what intervals or prediction sets reach; None if there are none.
        test: the test rows.
        predicted: the winner's predictions for the test rows, shape (n,).
        probabilities: the same as probabilities (n, classes); None for a regression.
    """

    metrics: Mapping[str, float]
    on_test: Mapping[str, float]
    out_of_fold: Mapping[str, float]
    test_interval: tuple[float, float]
    test_segments: tuple[SegmentFigures, ...]
    segments: tuple[SegmentFigures, ...]
    intervals: IntervalFigures | None
    test: Table = field(repr=False)
    predicted: NDArray[Any] = field(repr=False)
    probabilities: NDArray[np.float64] | None = field(repr=False)


def evaluate(selection: Selection, test: Table) -> Evaluation:
    """Evaluate the winner on the test rows."""
    return evaluation_of(selection, test, *_predict(selection, test))


def evaluation_of(
    selection: Selection, test: Table, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None
) -> Evaluation:
    """Evaluate the winner's predictions for the test rows: prices or class names (n,), probabilities (n, classes)."""
    winner, train, domain = selection.winner, selection.train, test.domain
    metric = selection.metric
    on_test = figures_of(domain, test.target, predicted, probabilities)
    folds = winner.folds
    out_of_fold = figures_of(domain, train.target, folds.out_of_fold, folds.probabilities)
    over_folds = over_folds_of(selection)
    intervals = interval_figures(selection, test, predicted if probabilities is None else probabilities)
    if intervals is not None:
        on_test |= intervals.test.figures()
        reached = intervals.out_of_fold.figures()
        out_of_fold |= reached
        over_folds |= {f"cv_{name}": value for name, value in reached.items()}
    over_folds |= {COST_METRIC: winner.us_per_row}
    return Evaluation(
        metrics=over_folds | {f"test_{name}": value for name, value in on_test.items()},
        on_test=on_test,
        out_of_fold=out_of_fold,
        test_interval=bootstrap_interval(
            domain, metric, test.target, predicted if probabilities is None else probabilities
        ),
        test_segments=_figures_by_segment(train, test, predicted),
        segments=_figures_by_segment(train, train, folds.out_of_fold),
        intervals=intervals,
        test=test,
        predicted=predicted,
        probabilities=probabilities,
    )


def over_folds_of(selection: Selection) -> dict[str, float]:
    """Mean and standard deviation over folds of the deciding metric and of the others of the task, as ``cv_…``."""
    train, folds = selection.train, selection.winner.folds
    figures: dict[str, float] = {}
    for metric in CLASS_METRICS if train.domain.target.classes else NUMBER_METRICS:
        scores = np.array(
            [
                score(train.domain, metric, train.target[validation], predicted, selection.threshold)
                for (_, validation), predicted in zip(selection.splits, folds.predictions, strict=True)
            ]
        )
        if np.isfinite(scores).all():
            mean, sd = mean_and_sd(scores)
            figures |= {f"cv_{metric}": mean, f"cv_{metric}_sd": sd}
    return figures


def _figures_by_segment(train: Table, table: Table, predicted: NDArray[Any]) -> tuple[SegmentFigures, ...]:
    segments = segments_of(table.domain, table.frame, train.frame)
    return figures_by_segment(table.domain, segments, table.target, predicted)


def _predict(selection: Selection, test: Table) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Predict the test rows; probabilities are in the order of the domain's classes."""
    pipeline, classes = selection.pipeline, test.domain.target.classes
    if not classes:
        return np.asarray(pipeline.predict(test.frame), dtype=np.float64), None
    probabilities = np.zeros((len(test), len(classes)))
    columns = [classes.index(str(name)) for name in pipeline.classes_]
    probabilities[:, columns] = pipeline.predict_proba(test.frame)
    return np.array(classes)[winners_of(probabilities, classes, selection.threshold)], probabilities
