from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from schemas.sections import TrainingSettings
from tests.models import table_of
from training.data.tables import Table
from training.learning.blending import RESERVE, blend_best, make_voting_estimator, stack
from training.learning.candidates import Candidate
from training.learning.folding import Split, cross_validate, splits_of
from training.learning.metrics import mean_and_sd
from training.learning.recipes import choose_recipes, first_steps

SETTINGS = TrainingSettings(folds=2, repeats=2)
LIMIT = 10.0


def candidates(table: Table, splits: Sequence[Split], *names: str) -> list[Candidate]:
    made = []
    for recipe in choose_recipes(table.domain, names):
        folds = cross_validate(recipe.pipeline(table.domain, 1), table, splits)
        mean, sd = mean_and_sd(folds.scores)
        made.append(Candidate(recipe.name, mean, sd, 2.0, True, 1.0, folds))
    return made


@pytest.mark.parametrize(
    ("domain", "names"), [("housing", ("linear", "kriging")), ("obesity", ("logistic", "xgboost"))]
)
def test_a_blend_has_the_scores_of_a_cross_validated_voting_estimator(domain: str, names: tuple[str, ...]) -> None:
    table = table_of(domain)
    table = table.take(np.arange(0, len(table), len(table) // 120))
    splits = splits_of(table, SETTINGS)
    blend = blend_best(candidates(table, splits, *names), table, splits, LIMIT)
    assert blend is not None
    assert blend.members == names
    members = [(recipe.name, recipe.member(table.domain, 1)) for recipe in choose_recipes(table.domain, names)]
    voting = make_voting_estimator(table.domain, members, blend.weights)
    folds = cross_validate(Pipeline([*first_steps(table.domain), ("estimate", voting)]), table, splits)
    np.testing.assert_allclose(blend.folds.scores, folds.scores)
    for predicted, other in zip(blend.folds.predictions, folds.predictions, strict=True):
        np.testing.assert_allclose(predicted, other, rtol=1e-5)


def test_the_members_together_cost_less_than_the_limit() -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    splits = splits_of(table, SETTINGS)
    cheap = candidates(table, splits, "linear", "ridge")
    expensive = [replace(each, us_per_row=RESERVE * LIMIT / 2 + 0.01) for each in cheap]
    assert blend_best(cheap, table, splits, LIMIT) is not None
    assert blend_best(expensive, table, splits, LIMIT) is None


def test_a_stack_gives_a_useless_member_a_small_weight() -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    splits = splits_of(table, SETTINGS)
    good = candidates(table, splits, "ridge")[0]
    noise = np.random.default_rng(1)
    predictions = tuple(noise.uniform(0, 50, len(predicted)) for predicted in good.folds.predictions)
    bad = replace(good, name="noise", folds=replace(good.folds, predictions=predictions))
    blend = stack([good, bad], table, splits, SETTINGS.folds)
    assert sum(blend.weights) == pytest.approx(1)
    assert blend.weights[0] > 0.9
    assert mean_and_sd(blend.folds.scores)[0] < 1.1 * good.mean
