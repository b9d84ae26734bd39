"""Ways to give the predictions of one outer fold their ranges: ours, and plain split conformal."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.calibration import NumberCalibration
from schemas.domain import Domain
from training.learning.conformal import Reach, calibrate, reach_of

COVERAGE = 0.9
OURS, PLAIN = "tasador", "plain split conformal"


@dataclass(frozen=True, slots=True)
class FoldPredictions:
    """What every way gets of an outer fold; the model and its predictions are the same for all.

    Attributes:
        domain: of the rows.
        out_of_fold: predictions for the training rows: numbers (n,), or probabilities (n, classes).
        truth: of the training rows.
        predicted: for the test rows, by the model that was fitted on all training rows.
        test_truth: of the test rows.
    """

    domain: Domain
    out_of_fold: NDArray[np.float64]
    truth: NDArray[Any]
    predicted: NDArray[np.float64]
    test_truth: NDArray[Any]


def reach_of_ours(fold: FoldPredictions) -> Reach:
    """What the product's calibration reaches on the test rows."""
    calibration = calibrate(fold.domain, fold.out_of_fold, fold.truth, COVERAGE)
    if calibration is None:
        raise SystemExit(f"{fold.domain.name}: too few rows for intervals")
    return reach_of(fold.domain, calibration, fold.predicted, fold.test_truth)


def reach_of_plain(fold: FoldPredictions) -> Reach:
    """What one width for all numbers reaches, or one threshold for all classes."""
    rows = len(fold.truth)
    share = min(ceil((rows + 1) * COVERAGE) / rows, 1.0)
    classes = fold.domain.target.classes
    if not classes:
        width = float(np.quantile(np.abs(fold.truth - fold.out_of_fold), share, method="higher"))
        plain = NumberCalibration(COVERAGE, rows, [], [-width], [width])
        return reach_of(fold.domain, plain, fold.predicted, fold.test_truth)
    own = fold.out_of_fold[fold.truth[:, np.newaxis] == np.array(classes)]
    least = 1 - float(np.quantile(1 - own, share, method="higher"))
    return reach_of_sets(fold, fold.predicted >= least)


def reach_of_sets(fold: FoldPredictions, is_in: NDArray[np.bool_]) -> Reach:
    """What prediction sets (n, classes) reach."""
    own = fold.test_truth[:, np.newaxis] == np.array(fold.domain.target.classes)
    return Reach((is_in & own).any(axis=1), is_in.sum(axis=1).astype(np.float64))


def reach_of_intervals(fold: FoldPredictions, low: NDArray[np.float64], high: NDArray[np.float64]) -> Reach:
    """What intervals reach."""
    return Reach((low <= fold.test_truth) & (fold.test_truth <= high), high - low)
