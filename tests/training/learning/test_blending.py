from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from registry.scorer import ENCODE
from registry.steps.sharpening import SharpenedClassifier
from schemas.features import Features
from schemas.sections import TrainingSettings
from tests.training.learning.made_up_tables import RentLevels, Rents, made_up_table
from training.data.tables import Table
from training.learning.blending import RESERVE, best_blends, fitted_blend, make_voting_estimator
from training.learning.encoded_table import EncodedTable, encode_table
from training.learning.encoding import encoder
from training.learning.folding import Split, cross_validate, splits_of
from training.learning.members import FoldUnit, RecipeMember
from training.learning.metrics import deciding_metric
from training.learning.recipes import choose_recipes
from training.learning.trials import Trial, trial_of

TRAINING = TrainingSettings(folds=2, repeats=2)
LIMIT = 10.0


def trials_of(table: Table, encoded: EncodedTable, splits: Sequence[Split], *names: str) -> list[Trial]:
    metric = deciding_metric(table.domain, TRAINING)
    made = []
    for recipe in choose_recipes(table.domain, names):
        raw = [FoldUnit(recipe, train, validation, 1).run(encoded) for train, validation in splits]
        made.append(trial_of(recipe.name, RecipeMember(recipe), encoded, metric, splits, raw, None, 2.0))
    return made


@pytest.mark.parametrize("contract", [Rents, RentLevels])
def test_a_blend_has_the_scores_and_predictions_of_a_voting_estimator(contract: type[Features]) -> None:
    table = made_up_table(contract, 120)
    encoded, splits = encode_table(table), splits_of(table, TRAINING)
    metric = deciding_metric(table.domain, TRAINING)
    trials = trials_of(table, encoded, splits, "linear", "extra-trees")
    (blend,) = best_blends(trials, encoded, metric, splits, LIMIT)
    assert blend.cost == 4.0
    unfitted = [
        (each.recipe.name, each.estimator(encoded, 1)) for each in blend.members if isinstance(each, RecipeMember)
    ]
    voting = make_voting_estimator(table.domain, unfitted, [1.0, 1.0])
    whole = voting if blend.power == 1 else SharpenedClassifier(voting, blend.power)
    folds = cross_validate(Pipeline([(ENCODE, encoder(table.domain)), ("estimate", whole)]), table, splits, metric)
    in_order = [encoded.to_domain_order(each) for each in blend.predictions]
    for predicted, other in zip(in_order, folds.predictions, strict=True):
        np.testing.assert_allclose(predicted, other, rtol=1e-6)
    np.testing.assert_allclose(blend.losses, folds.scores, rtol=1e-6)
    # members that are fitted already make the same model
    fitted = [each.fit(encoded.matrix, encoded.labels) for _, each in unfitted]
    made = fitted_blend(encoded, unfitted, fitted, blend.weights, blend.power)
    again = whole.fit(encoded.matrix, encoded.labels)
    name = "predict_proba" if table.domain.target.classes else "predict"
    np.testing.assert_allclose(getattr(made, name)(encoded.matrix), getattr(again, name)(encoded.matrix))


def test_the_members_together_stay_within_the_counted_cost() -> None:
    table = made_up_table(Rents, 120)
    encoded, splits = encode_table(table), splits_of(table, TRAINING)
    cheap = trials_of(table, encoded, splits, "linear", "extra-trees", "xgboost-reference")
    blend, *_ = best_blends(cheap, encoded, "rmse", splits, LIMIT)
    assert blend.cost is not None
    assert blend.cost <= RESERVE * LIMIT
    dear = [replace(each, cost=RESERVE * LIMIT / 2 + 0.01) for each in cheap]
    assert best_blends(dear, encoded, "rmse", splits, LIMIT) == []
    assert best_blends([replace(each, cost=None) for each in cheap], encoded, "rmse", splits, LIMIT) == [], "unknown"


def test_a_third_member_must_be_worth_its_cost() -> None:
    table = made_up_table(Rents, 120)
    encoded, splits = encode_table(table), splits_of(table, TRAINING)
    good, other = trials_of(table, encoded, splits, "linear", "extra-trees")
    bad = replace(good, predictions=tuple(np.full_like(each, each.mean()) for each in good.predictions))
    (blend,) = best_blends([good, replace(good, name="twin"), bad], encoded, "rmse", splits, LIMIT)
    assert len(blend.members) == 2
    assert blend.loss == pytest.approx(good.loss)
    (whole,) = best_blends([good, other], encoded, "rmse", splits, LIMIT)
    assert all(first <= second for first, second in pairwise([0.0, whole.loss, max(good.loss, other.loss)]))


def test_smooth_members_weigh_as_much_as_trees_where_trees_err_on_the_same_rows() -> None:
    table = made_up_table(Rents, 120)
    encoded, splits = encode_table(table), splits_of(table, TRAINING)
    smooth, trees = trials_of(table, encoded, splits, "linear", "extra-trees")
    exact, rng = [encoded.target[validation] for _, validation in splits], np.random.default_rng(1)
    shared = [rng.normal(0, 1, len(each)) for each in exact]

    def off_by(trial: Trial, name: str, errors: Sequence[NDArray[np.float64]]) -> Trial:
        each = zip(exact, errors, strict=True)
        return replace(trial, name=name, predictions=tuple(true + error for true, error in each))

    def noise(scale: float) -> list[NDArray[np.float64]]:
        return [rng.normal(0, scale, len(each)) for each in exact]

    forest, booster = (
        off_by(trees, name, [a + b for a, b in zip(shared, noise(0.7), strict=True)]) for name in ("forest", "booster")
    )
    line = off_by(smooth, "line", noise(1.0))
    (blend,) = best_blends([forest, line, booster], encoded, "rmse", splits, LIMIT)
    assert [member.is_smooth for member in blend.members] == [False, True, False]
    assert blend.weights == (0.25, 0.5, 0.25)
    mean = [(f / 4 + k / 2 + b / 4) for f, k, b in zip(*(t.predictions for t in (forest, line, booster)), strict=True)]
    for predicted, expected in zip(blend.predictions, mean, strict=True):
        np.testing.assert_allclose(predicted, expected)
    unfitted = [(str(at), member.estimator(encoded, 1)) for at, member in enumerate(blend.members)]
    fitted = [each.fit(encoded.matrix, encoded.labels) for _, each in unfitted]
    made = fitted_blend(encoded, unfitted, fitted, blend.weights, blend.power)
    parts = [each.predict(encoded.matrix) for each in fitted]
    np.testing.assert_allclose(made.predict(encoded.matrix), parts[0] / 4 + parts[1] / 2 + parts[2] / 4)


def test_the_best_mixed_blend_is_found_beside_a_better_one() -> None:
    table = made_up_table(Rents, 120)
    encoded, splits = encode_table(table), splits_of(table, TRAINING)
    smooth, trees = trials_of(table, encoded, splits, "linear", "extra-trees")
    exact = [encoded.target[validation] for _, validation in splits]
    rng = np.random.default_rng(1)

    def off_by(trial: Trial, error: float) -> Trial:
        return replace(trial, predictions=tuple(each + rng.normal(0, error, len(each)) for each in exact))

    forest, other, near = off_by(trees, 1.0), off_by(trees, 1.0), off_by(smooth, 2.0)
    best, mixed = best_blends([forest, other, near], encoded, "rmse", splits, 5.0)  # room for two members
    assert not best.is_mixed
    assert mixed.is_mixed
    assert best.loss < mixed.loss
    assert len({best.name, mixed.name}) == 2
    (only,) = best_blends([forest, off_by(smooth, 0.1)], encoded, "rmse", splits, 5.0)
    assert only.is_mixed
    (only,) = best_blends([forest, other], encoded, "rmse", splits, 5.0)
    assert not only.is_mixed
