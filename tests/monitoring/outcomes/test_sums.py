"""Figures from sums equal the formulas; sudden losses are found; listings have the right parts of segments."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, r2_score

from monitoring.drift.columns import Column
from monitoring.outcomes.change_detection import find_sudden_loss
from monitoring.outcomes.segments import find_cut_points, find_parts
from monitoring.outcomes.sums import Sums, add_up, contribution, figures
from schemas.domain import load_domain
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
    (quality,) = figures(add_up([*hashes, {b"all|predictions": b"400", b"all|fast": b"300"}]))
    error = predicted - truth
    assert quality.model_dump(exclude_none=True) == pytest.approx(
        {
            "part": "all",
            "predictions": 400,
            "labelled": 200,
            "labelled_share": 0.5,
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


def test_outcomes_that_are_all_the_same_explain_no_variance() -> None:
    hashes = [_hash(contribution(HOUSING, SETTINGS, 20.0 + off, 20.0)) for off in (-1.0, 1.0)]
    (quality,) = figures(add_up(hashes))
    assert (quality.mae, quality.r2, quality.bias) == (1, None, 0)
    assert figures(add_up([{b"all|predictions": b"3"}])) == (
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
