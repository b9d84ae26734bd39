"""Conformal calibration of a model by its out-of-fold predictions, and the honest measure of what it promises.

Numbers are calibrated by group of the predicted value (Mondrian split conformal; Vovk, Gammerman and Shafer 2005,
"Algorithmic learning in a random world", 4.5), so that cheap and dear ones are covered alike. Classes are calibrated by
class (label-conditional), so that rare ones are covered like frequent ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.calibration import Calibration, ClassCalibration, NumberCalibration
from schemas.classes import winners_of
from schemas.domain import Domain
from training.learning.folding import Split, first_repetition, rows_in_none

_GROUPS = ((5000, 20), (400, 5), (200, 3), (0, 1))
"""Rows from which there are so many groups of the prediction; where errors grow with it, more groups are narrower."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What intervals or prediction sets reach of n true values.

    Attributes:
        is_covered: whether the interval or set of each row holds the true value, (n,).
        widths: width of each interval in the target's unit, or number of classes of each set, (n,).
    """

    is_covered: NDArray[np.bool_]
    widths: NDArray[np.float64]

    @property
    def coverage(self) -> float:
        """Share of rows that are covered."""
        return float(self.is_covered.mean())

    @property
    def width(self) -> float:
        """Mean width, or mean number of classes."""
        return float(self.widths.mean())

    def figures(self) -> dict[str, float]:
        """Coverage and width by their names as metrics."""
        return {"coverage": self.coverage, "width": self.width}


def calibrate(
    domain: Domain, predictions: NDArray[np.float64], truth: NDArray[Any], coverage: float
) -> Calibration | None:
    """The calibration of a model.

    Args:
        domain: of the rows.
        predictions: out of fold: numbers (n,), or probabilities (n, classes) in the domain's order.
        truth: target values or class names (n,).
        coverage: share of true values to cover.

    Returns:
        None if the rows are too few for this coverage, or a prediction is not finite.
    """
    if not np.isfinite(predictions).all():
        return None
    if domain.target.classes:
        return _of_classes(domain.target.classes, predictions, truth, coverage)
    return _of_numbers(predictions, np.asarray(truth, dtype=np.float64), coverage)


def reach_of(domain: Domain, calibration: Calibration, predictions: NDArray[np.float64], truth: NDArray[Any]) -> Reach:
    """What a calibration reaches on rows that it was not made from; arguments as those of `calibrate`."""
    if isinstance(calibration, NumberCalibration):
        low, high = calibration.intervals(predictions).T
        return Reach((low <= truth) & (truth <= high), high - low)
    classes = domain.target.classes
    is_in = calibration.is_candidate(predictions, winners_of(predictions, classes))
    own = np.array(truth)[:, np.newaxis] == np.array(classes)
    return Reach((is_in & own).any(axis=1), is_in.sum(axis=1).astype(np.float64))


def cross_reach(
    domain: Domain,
    predictions: NDArray[np.float64],
    truth: NDArray[Any],
    splits: Sequence[Split],
    coverage: float,
) -> Reach | None:
    """What a model's calibration reaches: each fold's rows by a calibration of the rows of the other folds.

    So no row has a say in its own interval. Arguments as those of `calibrate`, and the folds, of which the first
    repetition counts.

    Returns:
        None if the rows are too few for this coverage, or a prediction is not finite.
    """
    is_covered, widths = np.zeros(len(truth), dtype=bool), np.zeros(len(truth))
    for rows in parts_of(len(truth), splits):
        others = np.ones(len(truth), dtype=bool)
        others[rows] = False
        calibration = calibrate(domain, predictions[others], truth[others], coverage)
        if calibration is None or not np.isfinite(predictions[rows]).all():
            return None
        reach = reach_of(domain, calibration, predictions[rows], truth[rows])
        is_covered[rows], widths[rows] = reach.is_covered, reach.widths
    return Reach(is_covered, widths)


def parts_of(rows: int, splits: Sequence[Split]) -> list[NDArray[np.int64]]:
    """The validation rows of each fold of the first repetition, and the rows that are in none."""
    parts = [validation for _, validation in first_repetition(splits)]
    rest = rows_in_none(rows, parts)
    return [*parts, rest] if len(rest) else parts


def rows_needed(coverage: float) -> int:
    """Fewest rows whose largest residual bounds a further one with this probability."""
    return ceil(round(coverage / (1 - coverage), 9))


def _of_numbers(
    predictions: NDArray[np.float64], truth: NDArray[np.float64], coverage: float
) -> NumberCalibration | None:
    residuals, needed = np.abs(truth - predictions), rows_needed(coverage)
    most = next(groups for rows, groups in _GROUPS if len(truth) >= rows)
    for groups in range(most, 0, -1):
        edges = np.unique(np.quantile(predictions, np.arange(1, groups) / groups))
        group = edges.searchsorted(predictions, side="right")
        counts = np.bincount(group, minlength=len(edges) + 1)
        # few distinct predictions can leave a group nearly empty
        if counts.min() >= needed:
            offsets = [_quantile(residuals[group == each], coverage) for each in range(len(counts))]
            return NumberCalibration(coverage, len(truth), edges.tolist(), [-each for each in offsets], offsets)
    return None


def _quantile(residuals: NDArray[np.float64], coverage: float) -> float:
    """The residual that a further one exceeds with a probability of at most 1 - coverage."""
    place = ceil(round((len(residuals) + 1) * coverage, 9))
    return float(np.partition(residuals, place - 1)[place - 1])


def _of_classes(
    classes: tuple[str, ...], probabilities: NDArray[np.float64], truth: NDArray[Any], coverage: float
) -> ClassCalibration:
    least = []
    for column, name in enumerate(classes):
        own = np.sort(probabilities[truth == name, column])
        place = floor(round((len(own) + 1) * (1 - coverage), 9))
        least.append(float(own[place - 1]) if place else 0.0)
    return ClassCalibration(coverage, len(truth), least)
