from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from schemas.domain import load_domain
from training.evaluation.bootstrap import bootstrap_interval
from training.evaluation.figures import figures_of

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")
CLASSES = OBESITY.target.classes


def test_figures_of_prices() -> None:
    figures = figures_of(HOUSING, np.array([10.0, 20.0, 30.0, 40.0]), np.array([11.0, 18.0, 30.0, 50.0]))
    assert figures == pytest.approx(
        {
            "rmse": np.sqrt((1 + 4 + 100) / 4),
            "mae": 13 / 4,
            "r2": 1 - 105 / 500,
            "median_error": 1.5,
            "within_5": 0.75,
            "mape": (1 / 10 + 2 / 20 + 10 / 40) / 4,
            "bias_sd": (1 - 2 + 10) / 4 / np.sqrt(125),
        }
    )


def test_figures_of_classes_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = np.array(CLASSES)[np.arange(140) % 7]
    probabilities = rng.dirichlet(np.ones(7), 140)
    alphabet = sorted(range(7), key=CLASSES.__getitem__)
    predicted = np.array(CLASSES)[probabilities.argmax(axis=1)]
    figures = figures_of(OBESITY, truth, predicted, probabilities)
    assert figures["accuracy"] == np.mean(truth == predicted)
    assert figures["log_loss"] == pytest.approx(log_loss(truth, probabilities[:, alphabet]))
    auc = roc_auc_score(truth, probabilities[:, alphabet], multi_class="ovr")
    assert figures["auc"] == pytest.approx(auc)
    of_first = predicted == CLASSES[0]
    assert figures[f"precision/{CLASSES[0]}"] == pytest.approx(np.mean(truth[of_first] == CLASSES[0]))
    assert {f"recall/{name}" for name in CLASSES} <= set(figures)


def test_a_class_without_rows_is_left_out_of_auc() -> None:
    truth = np.array([CLASSES[0], CLASSES[1], CLASSES[1]])
    probabilities = np.full((3, 7), 0.1)
    probabilities[:, 1] = 0.4
    figures = figures_of(OBESITY, truth, np.repeat(CLASSES[1], 3), probabilities)
    assert figures["auc"] == 0.5
    assert figures[f"recall/{CLASSES[6]}"] == 0
    alone = figures_of(OBESITY, truth[1:], truth[1:], probabilities[1:])
    assert "auc" not in alone


def test_a_probability_of_zero_for_the_truth_gives_a_large_finite_loss() -> None:
    probabilities = np.eye(7)[[1, 1]]
    figures = figures_of(OBESITY, np.array([CLASSES[0], CLASSES[1]]), np.repeat(CLASSES[1], 2), probabilities)
    assert 8 < figures["log_loss"] < 9


def test_the_bootstrap_interval_contains_the_figure_and_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(20, 5, 400)
    predicted = truth + rng.normal(0, 3, 400)
    low, high = bootstrap_interval(HOUSING, "rmse", truth, predicted)
    assert low < figures_of(HOUSING, truth, predicted)["rmse"] < high
    # the standard error of a root mean square of normal errors is sd / sqrt(2n)
    assert high - low == pytest.approx(2 * 1.96 * 3 / np.sqrt(800), rel=0.2)
    assert bootstrap_interval(HOUSING, "rmse", truth, predicted) == (low, high)
    fewer = bootstrap_interval(HOUSING, "rmse", truth[:50], predicted[:50])
    assert fewer[1] - fewer[0] > 2 * (high - low)
