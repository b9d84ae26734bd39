"""The evaluation of a selection: its winner on the test rows, which are looked at here, once, and nowhere else."""

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
from training.evaluation.segments import PartFigures, figures_by_part, parts_of
from training.learning.metrics import deciding_metric
from training.learning.selection import Selection


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a selection's winner.

    Attributes:
        metrics: ``cv_…`` over folds, ``test_…`` on the test rows, ``us_per_row``, by name.
        on_test: figures on the test rows.
        out_of_fold: figures on the training rows, each predicted by a model that had not seen it.
        test_interval: of the deciding metric, by bootstrap over the test rows.
        test_parts: the figures of each segment's parts on the test rows.
        parts: the same on the training rows, out of fold.
        test: the test rows.
        predicted: what the winner says of them, shape (n,).
        probabilities: the same as probabilities (n, classes); None of a regression.
    """

    metrics: Mapping[str, float]
    on_test: Mapping[str, float]
    out_of_fold: Mapping[str, float]
    test_interval: tuple[float, float]
    test_parts: tuple[PartFigures, ...]
    parts: tuple[PartFigures, ...]
    test: Table = field(repr=False)
    predicted: NDArray[Any] = field(repr=False)
    probabilities: NDArray[np.float64] | None = field(repr=False)


def evaluate(selection: Selection, test: Table) -> Evaluation:
    """Judge the winner on the test rows."""
    return evaluation_of(selection, test, *_predict(selection, test))


def evaluation_of(
    selection: Selection, test: Table, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None
) -> Evaluation:
    """Judge what the winner says of the test rows: prices or class names (n,), and probabilities (n, classes)."""
    winner, learn, domain = selection.winner, selection.learn, test.domain
    metric = deciding_metric(domain)
    on_test = figures_of(domain, test.target, predicted, probabilities)
    folds = winner.folds
    over_folds = {f"cv_{metric}": winner.mean, f"cv_{metric}_sd": winner.sd, COST_METRIC: winner.us_per_row}
    return Evaluation(
        metrics=over_folds | {f"test_{name}": value for name, value in on_test.items()},
        on_test=on_test,
        out_of_fold=figures_of(domain, learn.target, folds.out_of_fold, folds.probabilities),
        test_interval=bootstrap_interval(domain, test.target, predicted),
        test_parts=_by_part(learn, test, predicted),
        parts=_by_part(learn, learn, folds.out_of_fold),
        test=test,
        predicted=predicted,
        probabilities=probabilities,
    )


def _by_part(learn: Table, table: Table, predicted: NDArray[Any]) -> tuple[PartFigures, ...]:
    parts = parts_of(table.domain, table.frame, learn.frame)
    return figures_by_part(table.domain, parts, table.target, predicted)


def _predict(selection: Selection, test: Table) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Predictions, and of classes the probabilities, in the order of the domain's classes."""
    pipeline, classes = selection.pipeline, test.domain.target.classes
    if not classes:
        return np.asarray(pipeline.predict(test.frame), dtype=np.float64), None
    probabilities = np.zeros((len(test), len(classes)))
    found = [classes.index(str(name)) for name in pipeline.classes_]
    probabilities[:, found] = pipeline.predict_proba(test.frame)
    return np.array(classes)[winners_of(probabilities, classes)], probabilities
