"""Figures from sums equal the formulas; sudden losses are found; listings have the right parts of segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, r2_score

from monitoring.drift.columns import Column
from monitoring.outcomes.change_detection import find_sudden_loss
from monitoring.outcomes.segments import find_cut_points, find_parts
from monitoring.outcomes.sums import Sums, add_up, contribution, figures, sum_field
from schemas.domain import load_domain
from schemas.features import Target
from schemas.quality import Quality
from schemas.sections import OutcomeSettings

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")
SETTINGS = OutcomeSettings()


def _hash(sums: Sums) -> dict[bytes, bytes]:
    return {f"all|{name}".encode(): repr(value).encode() for name, value in sums.items()}


def test_figures_of_numbers_equal_the_formulas() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(22, 9, 200)
    predicted = truth + rng.normal(0.5, 4, 200)
    hashes = [_hash(contribution(HOUSING, SETTINGS, p, y)) for p, y in zip(predicted, truth, strict=True)]
    (quality,) = figures(add_up([*hashes, {b"all|predictions": b"420", b"all|timed": b"400", b"all|fast": b"300"}]))
    error = predicted - truth
    assert quality.model_dump(exclude_none=True) == pytest.approx(
        {
            "part": "all",
            "predictions": 420,
            "labelled": 200,
            "labelled_share": 200 / 420,
            "fast_share": 0.75,
            "mae": np.abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "r2": r2_score(truth, predicted),
            "bias": error.mean(),
            "far_share": (np.abs(error) > 5).mean(),
        }
    )


def test_figures_of_classes_equal_the_formulas() -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(OBESITY.target.classes[:5], 300)
    predicted = np.where(rng.random(300) < 0.7, truth, rng.choice(OBESITY.target.classes[:5], 300))
    hashes = [_hash(contribution(OBESITY, SETTINGS, str(p), str(y))) for p, y in zip(predicted, truth, strict=True)]
    (quality,) = figures(add_up(hashes))
    assert quality.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert quality.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert (quality.labelled, quality.mae) == (300, None)
    assert quality.classes is not None
    names = [each.name for each in quality.classes]
    precision, recall, _, counts = precision_recall_fscore_support(truth, predicted, labels=names)
    assert names == sorted(OBESITY.target.classes[:5])
    assert [each.precision for each in quality.classes] == pytest.approx(precision.tolist())
    assert [each.recall for each in quality.classes] == pytest.approx(recall.tolist())
    assert [each.outcomes for each in quality.classes] == counts.tolist()
    assert [each.predicted for each in quality.classes] == [int(np.sum(predicted == name)) for name in names]


def test_classes_are_counted_under_their_own_names_and_only_for_all_predictions() -> None:
    first, second = "50%7C|a", "50|b"
    pairs = [(first, first), (first, second), (first, second)]
    hashes = [_hash(contribution(OBESITY, SETTINGS, *pair)) for pair in pairs]
    whole, part = figures(add_up([*hashes, {b"CHAS 1|labelled": b"1", b"CHAS 1|class|a|a": b"1"}]))
    assert whole.classes is not None
    assert [(each.name, each.outcomes, each.predicted, each.correct) for each in whole.classes] == [
        (first, 1, 3, 1),
        (second, 2, 0, 0),
    ]
    assert [(each.recall, each.precision) for each in whole.classes] == [(1, pytest.approx(1 / 3)), (0, None)]
    assert (part.accuracy, part.classes) == (1, None)


def test_predictions_without_a_known_time_are_not_part_of_the_fast_share() -> None:
    (quality,) = figures(add_up([{b"all|predictions": b"3"}]))
    assert (quality.predictions, quality.fast_share) == (3, None)


def test_parts_and_classes_may_contain_the_separator() -> None:
    classes = ("a|b", "a", "b|a", "50%7C")
    domain = replace(OBESITY, target=Target("grade", classes=classes))
    sums = [contribution(domain, SETTINGS, classes[0], each) for each in classes]
    hashes = [{sum_field("kind x|y %7C", name).encode(): b"1" for name in each} for each in sums]
    (quality,) = figures(add_up(hashes))
    assert (quality.part, quality.labelled, quality.accuracy) == ("kind x|y %7C", 4, 0.25)
    # three of the four actual classes were never predicted; the predicted one has a precision of 1/4, a recall of 1
    assert quality.macro_f1 == pytest.approx(2 / 5 / 4)


def test_outcomes_that_are_all_the_same_explain_no_variance() -> None:
    hashes = [_hash(contribution(HOUSING, SETTINGS, 20.0 + off, 20.0)) for off in (-1.0, 1.0)]
    (quality,) = figures(add_up(hashes))
    assert (quality.mae, quality.r2, quality.bias) == (1, None, 0)
    assert figures(add_up([{b"all|predictions": b"3", b"all|timed": b"3"}])) == (
        Quality(part="all", predictions=3, labelled_share=0, fast_share=0),
    )


def test_a_sudden_rise_of_errors_is_found_and_a_fall_is_not() -> None:
    rng = np.random.default_rng(3)
    small, large = np.abs(rng.normal(0, 3, 1000)), np.abs(rng.normal(0, 8, 300))
    steady = [(number, float(error)) for number, error in enumerate(small)]
    assert find_sudden_loss(steady) is None
    assert find_sudden_loss((number, float(error)) for number, error in enumerate([*large, *small])) is None
    worse = [(number, float(error)) for number, error in enumerate([*small, *large])]
    loss = find_sudden_loss(worse)
    assert loss is not None
    assert 1000 < loss.time.timestamp() * 1000 < 1100
    assert loss.before < 3 < loss.after


def test_parts_are_values_of_integers_and_categories_and_ranges_of_numbers() -> None:
    reference = [Column(name, np.arange(300.0)) for name in HOUSING.columns]
    cut_points = find_cut_points(HOUSING, reference)
    row = {"CHAS": 1.0, "RAD": 24, "LSTAT": 250.0}
    assert find_parts(HOUSING, row, cut_points) == ["CHAS 1", "RAD 24", "LSTAT 3 of 3"]
    assert find_parts(HOUSING, {"CHAS": None, "RAD": 24, "LSTAT": 0}, {}) == ["CHAS missing", "RAD 24"]
