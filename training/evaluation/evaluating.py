"""The evaluation of a selection: its winner on the test rows, which are looked at here, once, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.data.tables import Table
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.selection import Selection


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a selection's winner.

    Attributes:
        metrics: ``cv_…`` over folds, ``test_…`` on the test rows, ``us_per_row``.
    """

    metrics: Mapping[str, float]


def evaluate(selection: Selection, test: Table) -> Evaluation:
    """Judge the winner on the test rows."""
    winner = selection.winner
    metric = deciding_metric(test.domain)
    on_test = metrics_of(test.domain, test.target, selection.pipeline.predict(test.frame))
    over_folds = {f"cv_{metric}": winner.mean, f"cv_{metric}_sd": winner.sd, "us_per_row": winner.us_per_row}
    return Evaluation(over_folds | {f"test_{name}": value for name, value in on_test.items()})
