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
    found = figures_of(HOUSING, np.array([10.0, 20.0, 30.0, 40.0]), np.array([11.0, 18.0, 30.0, 50.0]))
    assert found == pytest.approx(
        {
            "rmse": np.sqrt((1 + 4 + 100) / 4),
            "mae": 13 / 4,
            "r2": 1 - 105 / 500,
            "median_error": 1.5,
            "within_5": 0.75,
            "bias_share": (1 - 2 + 10) / 4 / 25,
        }
    )


def test_figures_of_classes_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = np.array(CLASSES)[np.arange(140) % 7]
    probabilities = rng.dirichlet(np.ones(7), 140)
    alphabet = sorted(range(7), key=CLASSES.__getitem__)
    predicted = np.array(CLASSES)[probabilities.argmax(axis=1)]
    found = figures_of(OBESITY, truth, predicted, probabilities)
    assert found["accuracy"] == np.mean(truth == predicted)
    assert found["log_loss"] == pytest.approx(log_loss(truth, probabilities[:, alphabet]))
    auc = roc_auc_score(truth, probabilities[:, alphabet], multi_class="ovr")
    assert found["auc"] == pytest.approx(auc)
    of_first = predicted == CLASSES[0]
    assert found[f"precision/{CLASSES[0]}"] == pytest.approx(np.mean(truth[of_first] == CLASSES[0]))
    assert {f"recall/{name}" for name in CLASSES} <= set(found)


def test_a_class_that_is_not_there_leaves_the_other_figures() -> None:
    truth = np.array([CLASSES[0], CLASSES[1], CLASSES[1]])
    probabilities = np.full((3, 7), 0.1)
    probabilities[:, 1] = 0.4
    found = figures_of(OBESITY, truth, np.repeat(CLASSES[1], 3), probabilities)
    assert found["auc"] == 0.5
    assert found[f"recall/{CLASSES[6]}"] == 0
    alone = figures_of(OBESITY, truth[1:], truth[1:], probabilities[1:])
    assert "auc" not in alone


def test_a_probability_of_zero_for_the_truth_is_a_large_loss_and_no_error() -> None:
    probabilities = np.eye(7)[[1, 1]]
    found = figures_of(OBESITY, np.array([CLASSES[0], CLASSES[1]]), np.repeat(CLASSES[1], 2), probabilities)
    assert 10 < found["log_loss"] < 20


def test_the_bootstrap_interval_holds_the_figure_and_narrows_with_rows() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(20, 5, 400)
    predicted = truth + rng.normal(0, 3, 400)
    low, high = bootstrap_interval(HOUSING, truth, predicted)
    assert low < figures_of(HOUSING, truth, predicted)["rmse"] < high
    # the standard error of a root mean square of normal errors is sd / sqrt(2n)
    assert high - low == pytest.approx(2 * 1.96 * 3 / np.sqrt(800), rel=0.2)
    assert bootstrap_interval(HOUSING, truth, predicted) == (low, high)
    fewer = bootstrap_interval(HOUSING, truth[:50], predicted[:50])
    assert fewer[1] - fewer[0] > 2 * (high - low)
