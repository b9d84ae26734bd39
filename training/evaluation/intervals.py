"""What the intervals or prediction sets of a selection's winner reach: out of fold, on the test rows, and in parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.calibration import Calibration
from training.data.tables import Table
from training.learning.conformal import Reach, calibrate, cross_reach, reach_of
from training.learning.selection import Selection

_FIFTHS = 5


@dataclass(frozen=True, slots=True)
class ReachInPart:
    """Coverage and width in one part of the rows.

    Attributes:
        part: a fifth of the prediction, such as `2 of 5`, or a class.
        rows: of the part; those of a class are known by the truth.
        coverage: share of its true values that are covered.
        width: mean width in the target's unit, or mean number of classes.
    """

    part: str
    rows: int
    coverage: float
    width: float


@dataclass(frozen=True, slots=True)
class IntervalFigures:
    """What a calibration reaches.

    Attributes:
        coverage: that it promises.
        out_of_fold: on the training rows, each by a calibration that it had no part in.
        test: on the test rows.
        parts: out of fold, by fifth of the prediction or by class.
    """

    coverage: float
    out_of_fold: Reach = field(repr=False)
    test: Reach = field(repr=False)
    parts: tuple[ReachInPart, ...]

    def as_document(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "coverage": self.coverage,
            "out_of_fold": self.out_of_fold.figures(),
            "test": self.test.figures(),
            "parts": [asdict(part) for part in self.parts],
        }


def calibration_of(selection: Selection) -> Calibration | None:
    """The calibration of a selection's winner by all training rows; None if there is none (see `calibrate`)."""
    if selection.coverage is None:
        return None
    train, predictions = selection.train, _out_of_fold(selection)
    return calibrate(train.domain, predictions, train.target, selection.coverage)


def interval_figures(selection: Selection, test: Table, predictions: NDArray[np.float64]) -> IntervalFigures | None:
    """What the winner's calibration reaches; None if it has none.

    Args:
        selection: with the winner.
        test: the test rows.
        predictions: for them: numbers (n,), or probabilities (n, classes).
    """
    calibration, coverage, train = calibration_of(selection), selection.coverage, selection.train
    if calibration is None or coverage is None:
        return None
    predicted = _out_of_fold(selection)
    reach = cross_reach(train.domain, predicted, train.target, selection.splits, coverage)
    if reach is None:
        return None
    on_test = reach_of(train.domain, calibration, predictions, test.target)
    return IntervalFigures(coverage, reach, on_test, tuple(_parts(train, predicted, reach)))


def _out_of_fold(selection: Selection) -> NDArray[np.float64]:
    folds = selection.winner.folds
    return folds.out_of_fold if folds.probabilities is None else folds.probabilities


def _parts(train: Table, predicted: NDArray[np.float64], reach: Reach) -> list[ReachInPart]:
    classes = train.domain.target.classes
    if classes:
        rows = {name: np.flatnonzero(train.target == name) for name in classes}
    else:
        order = np.argsort(predicted, kind="stable")
        rows = {f"{n} of {_FIFTHS}": part for n, part in enumerate(np.array_split(order, _FIFTHS), start=1)}
    return [
        ReachInPart(part, len(of), float(reach.is_covered[of].mean()), float(reach.widths[of].mean()))
        for part, of in rows.items()
        if len(of)
    ]
