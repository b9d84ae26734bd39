from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from schemas.sections import TrainingSettings
from tests.models import table_of
from training.data.tables import Table
from training.learning.blending import RESERVE, blend_best, stack, together
from training.learning.candidates import Candidate
from training.learning.folding import Split, cross_validate, splits_of
from training.learning.metrics import mean_and_sd
from training.learning.recipes import choose_recipes, first_steps

SETTINGS = TrainingSettings(folds=2, repeats=2)
LIMIT = 10.0


def candidates(table: Table, splits: Sequence[Split], *names: str) -> list[Candidate]:
    found = []
    for recipe in choose_recipes(table.domain, names):
        folds = cross_validate(recipe.pipeline(table.domain, 1), table, splits)
        mean, sd = mean_and_sd(folds.scores)
        found.append(Candidate(recipe.name, mean, sd, 2.0, True, 1.0, folds))
    return found


@pytest.mark.parametrize(
    ("domain", "names"), [("housing", ("linear", "kriging")), ("obesity", ("logistic", "xgboost"))]
)
def test_a_blend_is_judged_as_its_members_would_be_together(domain: str, names: tuple[str, ...]) -> None:
    table = table_of(domain)
    table = table.take(np.arange(0, len(table), len(table) // 120))
    splits = splits_of(table, SETTINGS)
    blend = blend_best(candidates(table, splits, *names), table, splits, LIMIT)
    assert blend is not None
    assert blend.members == names
    parts = [(recipe.name, recipe.member(table.domain, 1)) for recipe in choose_recipes(table.domain, names)]
    voted = together(table.domain, parts, blend.weights)
    folded = cross_validate(Pipeline([*first_steps(table.domain), ("estimate", voted)]), table, splits)
    np.testing.assert_allclose(blend.folds.scores, folded.scores)
    for answer, other in zip(blend.folds.answers, folded.answers, strict=True):
        np.testing.assert_allclose(answer, other, rtol=1e-5)


def test_members_stay_below_the_limit_together() -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    splits = splits_of(table, SETTINGS)
    cheap = candidates(table, splits, "linear", "ridge")
    dear = [replace(one, us_per_row=RESERVE * LIMIT / 2 + 0.01) for one in cheap]
    assert blend_best(cheap, table, splits, LIMIT) is not None
    assert blend_best(dear, table, splits, LIMIT) is None


def test_a_stack_learns_that_a_member_is_worth_nothing() -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    splits = splits_of(table, SETTINGS)
    good = candidates(table, splits, "ridge")[0]
    noise = np.random.default_rng(1)
    answers = tuple(noise.uniform(0, 50, len(answer)) for answer in good.folds.answers)
    bad = replace(good, name="noise", folds=replace(good.folds, answers=answers))
    found = stack([good, bad], table, splits, SETTINGS.folds)
    assert sum(found.weights) == pytest.approx(1)
    assert found.weights[0] > 0.9
    assert mean_and_sd(found.folds.scores)[0] < 1.1 * good.mean
