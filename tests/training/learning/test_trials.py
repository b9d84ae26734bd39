"""Trials: the power of probabilities is fitted to those out of fold."""

from __future__ import annotations

import numpy as np
import pytest

from registry.steps.sharpening import sharpened
from schemas.sections import TrainingSettings
from tests.training.learning.made_up_tables import RentLevels, Rents, made_up_table
from training.learning.encoded_table import encode_table
from training.learning.folding import splits_of
from training.learning.losses import best_power, log_loss
from training.learning.members import FoldUnit, RecipeMember
from training.learning.recipes import choose_recipes
from training.learning.trials import fitted_power, trial_of

TRAINING = TrainingSettings(folds=3, repeats=1)


def test_the_power_is_fitted_out_of_fold_and_lowers_the_log_loss() -> None:
    whole = made_up_table(RentLevels)
    table, splits = encode_table(whole), splits_of(whole, TRAINING)
    (recipe,) = choose_recipes(whole.domain, ["extra-trees"])
    raw = [FoldUnit(recipe, train, validation, 1).run(table) for train, validation in splits]
    trial = trial_of("extra-trees", RecipeMember(recipe), table, "log_loss", splits, raw, None, 1.0)
    codes = np.concatenate([table.target[validation] for _, validation in splits]).astype(np.int64)
    before, power = log_loss(codes, np.concatenate(raw)), trial.members[0].power
    assert power == fitted_power(table, splits, raw) == best_power(codes, np.concatenate(raw), len(table))
    assert power != 1
    assert log_loss(codes, np.concatenate(trial.predictions)) < before
    for other in (0.8 * power, 1.25 * power):
        assert log_loss(codes, sharpened(np.concatenate(raw), other)) > log_loss(
            codes, np.concatenate(trial.predictions)
        )
    assert trial.members[0].estimator(table, 1).power == power
    # no ranking changes
    assert [each.argmax(axis=1).tolist() for each in trial.predictions] == [
        each.argmax(axis=1).tolist() for each in raw
    ]


def test_numbers_have_no_power() -> None:
    whole = made_up_table(Rents)
    table, splits = encode_table(whole), splits_of(whole, TRAINING)
    (recipe,) = choose_recipes(whole.domain, ["linear"])
    raw = [FoldUnit(recipe, train, validation, 1).run(table) for train, validation in splits]
    trial = trial_of("linear", RecipeMember(recipe), table, "rmse", splits, raw, None, 1.0)
    assert trial.members[0].power == 1
    assert trial.loss == pytest.approx(np.mean(trial.losses))


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("rows", [60, 200, 5000])
def test_a_power_promises_no_more_than_its_rows_have_shown(classes: int, rows: int) -> None:
    codes = np.arange(rows) % classes
    probabilities = np.full((rows, classes), 0.4 / (classes - 1))
    probabilities[np.arange(rows), codes] = 0.6  # every row is right, and no row says more than that
    power = best_power(codes, probabilities, rows)
    wrong = 1 - sharpened(probabilities, power)[0, codes[0]]
    # the estimate of Krichevsky and Trofimov for something that was not seen in so many rows
    assert wrong >= 0.5 / (rows + 1) * 0.98


def test_more_rows_allow_a_larger_power_and_repetitions_do_not() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 150)
    probabilities = rng.dirichlet([1, 1, 1], 150)
    probabilities[np.arange(150), codes] += 3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert (probabilities.argmax(axis=1) == codes).all()
    few = best_power(codes, probabilities, 150)
    assert few < 4 < best_power(codes, probabilities, 150_000)
    repeated = best_power(np.tile(codes, 5), np.tile(probabilities, (5, 1)), 150)
    assert repeated == pytest.approx(few, abs=2e-3)
