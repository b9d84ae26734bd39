"""Calibrations cover what they promise, by group of the prediction and by class, on rows they were not made from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from registry.calibration import ClassCalibration, NumberCalibration
from schemas.domain import load_domain
from training.learning.conformal import calibrate, cross_reach, parts_of, reach_of, rows_needed

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")
CLASSES = np.array(OBESITY.target.classes)


def prices(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions and true prices, whose errors grow with the prediction."""
    rng = np.random.default_rng(seed)
    predictions = rng.uniform(5, 50, rows)
    return predictions, predictions + predictions / 10 * rng.standard_normal(rows)


def kinds(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Probabilities and true classes, of which the first is rare and hard to recognise."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(CLASSES), rows, p=[0.03, *[0.97 / (len(CLASSES) - 1)] * (len(CLASSES) - 1)])
    odds = rng.normal(size=(rows, len(CLASSES)))
    odds[np.arange(rows), truth] += np.where(truth == 0, 0.5, 3.0)
    shares = np.exp(odds)
    return shares / shares.sum(axis=1, keepdims=True), CLASSES[truth]


def test_each_fifth_of_the_prediction_is_covered_as_promised() -> None:
    predictions, truth = prices(20_000, seed=1)
    calibration = calibrate(HOUSING, predictions, truth, 0.9)
    assert isinstance(calibration, NumberCalibration)
    fresh, fresh_truth = prices(20_000, seed=2)
    reach = reach_of(HOUSING, calibration, fresh, fresh_truth)
    for part in np.array_split(np.argsort(fresh), 5):
        assert reach.is_covered[part].mean() == pytest.approx(0.9, abs=0.02)
    one = float(np.quantile(np.abs(truth - predictions), 0.9))
    plain = reach_of(HOUSING, NumberCalibration(0.9, 20_000, [], [-one], [one]), fresh, fresh_truth)
    assert plain.is_covered[np.argsort(fresh)[-4000:]].mean() < 0.8, "one width for all misses the dear ones"
    assert reach.width < plain.width


@pytest.mark.parametrize(("rows", "groups"), [(60, 1), (250, 3), (450, 5), (6000, 20)])
def test_more_rows_have_more_groups(rows: int, groups: int) -> None:
    calibration = calibrate(HOUSING, *prices(rows, seed=1), coverage=0.9)
    assert isinstance(calibration, NumberCalibration)
    assert (len(calibration.edges) + 1, len(calibration.low), calibration.rows) == (groups, groups, rows)


def test_groups_of_equal_predictions_are_joined() -> None:
    predictions = np.where(np.arange(500) < 300, 10.0, np.linspace(11, 50, 500))
    calibration = calibrate(HOUSING, predictions, predictions + 1, 0.9)
    assert isinstance(calibration, NumberCalibration)
    assert np.diff(calibration.edges).min(initial=1.0) > 0
    assert calibration.high == [1.0] * (len(calibration.edges) + 1)


def test_a_coverage_that_needs_more_rows_has_no_calibration() -> None:
    assert [rows_needed(coverage) for coverage in (0.5, 0.9, 0.95, 0.999)] == [1, 9, 19, 999]
    assert calibrate(HOUSING, *prices(998, seed=1), coverage=0.999) is None
    whole = calibrate(HOUSING, *prices(999, seed=1), coverage=0.999)
    assert isinstance(whole, NumberCalibration)
    assert whole.edges == []


def test_predictions_that_are_no_numbers_have_no_calibration() -> None:
    predictions, truth = prices(100, seed=1)
    assert calibrate(HOUSING, np.where(np.arange(100) == 5, np.nan, predictions), truth, 0.9) is None


def test_each_class_is_covered_as_promised_and_the_predicted_one_is_always_in() -> None:
    calibration = calibrate(OBESITY, *kinds(20_000, seed=1), coverage=0.9)
    assert isinstance(calibration, ClassCalibration)
    probabilities, truth = kinds(20_000, seed=2)
    reach = reach_of(OBESITY, calibration, probabilities, truth)
    for name in CLASSES:
        assert reach.is_covered[truth == name].mean() == pytest.approx(0.9, abs=0.035)
    strict = ClassCalibration(0.9, 1, [1.0] * len(CLASSES))
    assert (reach_of(OBESITY, strict, probabilities, truth).widths == 1).all()


def test_a_class_with_too_few_rows_is_in_every_set() -> None:
    probabilities, truth = kinds(2000, seed=1)
    keep = (truth != CLASSES[0]) | (np.cumsum(truth == CLASSES[0]) <= 8)
    calibration = calibrate(OBESITY, probabilities[keep], truth[keep], 0.9)
    assert isinstance(calibration, ClassCalibration)
    assert calibration.least[0] == 0.0
    assert min(calibration.least[1:]) > 0


def test_reach_out_of_fold_lets_no_row_judge_itself() -> None:
    predictions, truth = prices(300, seed=4)
    folds = [(np.setdiff1d(np.arange(300), part), part) for part in np.array_split(np.arange(300), 5)]
    honest = cross_reach(HOUSING, predictions, truth, folds, 0.9)
    assert honest is not None
    # an outlier in a row widens the intervals of other folds' rows only
    spoilt = truth.copy()
    spoilt[:40] += 1000
    changed = cross_reach(HOUSING, predictions, spoilt, folds, 0.9)
    assert changed is not None
    assert changed.widths[:60].tolist() == honest.widths[:60].tolist()
    assert (changed.widths[60:] > honest.widths[60:]).all()


def test_rows_in_no_fold_are_a_part_of_their_own() -> None:
    parts = parts_of(10, [(np.arange(4), np.arange(4, 7)), (np.arange(7), np.arange(7, 10))])
    assert [part.tolist() for part in parts] == [[4, 5, 6], [7, 8, 9], [0, 1, 2, 3]]
