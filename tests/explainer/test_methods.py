"""Explanations are additive, and equal those of the exact methods on models small enough to try all coalitions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import chain, combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from explainer.permutation_shap import PermutationShap
from explainer.tree_shap import trees_of
from registry.background import choose_background
from registry.booster import Booster
from registry.serving.formula import Trees
from registry.serving.score import AdditiveScore, score_of_formula
from schemas.rows import Matrix

COLUMNS = 5


def exact_values(value: Callable[[frozenset[int]], float], columns: int) -> NDArray[np.float64]:
    """Shapley values by their definition, over all coalitions."""
    values = np.zeros(columns)
    for column in range(columns):
        others = [each for each in range(columns) if each != column]
        for coalition in chain.from_iterable(combinations(others, size) for size in range(columns)):
            size = len(coalition)
            weight = factorial(size) * factorial(columns - size - 1) / factorial(columns)
            values[column] += weight * (value(frozenset({*coalition, column})) - value(frozenset(coalition)))
    return values


def against_background(score: Callable[[Matrix], Any], row: Matrix, background: Matrix) -> Callable[..., float]:
    def value(coalition: Iterable[int]) -> float:
        rows = background.copy()
        rows[:, list(coalition)] = row[list(coalition)]
        return float(score(rows).mean())

    return value


def draw_rows(count: int, seed: int = 1) -> Matrix:
    rows = np.random.default_rng(seed).normal(size=(count, COLUMNS))
    rows[:, 3] = (rows[:, 3] > 0).astype(float)
    rows[::7, 4] = np.nan
    return rows


def by_pairs(rows: Matrix) -> NDArray[np.float64]:
    filled = np.nan_to_num(rows)
    return filled[:, 0] + 3 * filled[:, 1] * filled[:, 2] - filled[:, 3] * filled[:, 4] + filled[:, 0] ** 2


def by_many(rows: Matrix) -> NDArray[np.float64]:
    return np.asarray(np.exp(np.nan_to_num(rows).sum(axis=1) / 3))


def test_permutation_is_exact_for_interactions_of_two_columns() -> None:
    rows, background = draw_rows(8, seed=2), draw_rows(20)
    shap = PermutationShap(by_pairs, background)
    for row in rows:
        found, prediction = shap.contributions(row)
        exact = exact_values(against_background(by_pairs, row, background), COLUMNS)
        assert found == pytest.approx(exact, abs=1e-12)
        assert shap.base + found.sum() == pytest.approx(prediction, rel=1e-9)


def test_permutation_is_close_to_the_exact_values_where_all_columns_interact() -> None:
    rows, background = draw_rows(10, seed=2), draw_rows(100)
    shap = PermutationShap(by_many, background)
    for row in rows:
        found, prediction = shap.contributions(row)
        exact = exact_values(against_background(by_many, row, background), COLUMNS)
        assert np.abs(found - exact).max() < 0.02 * np.abs(exact).sum()
        assert shap.base + found.sum() == pytest.approx(prediction, rel=1e-9)
        assert (shap.contributions(row)[0] == found).all()


def test_permutation_explains_every_class_at_once() -> None:
    def probabilities(rows: Matrix) -> NDArray[np.float64]:
        first = 1 / (1 + np.exp(-by_pairs(rows)))
        return np.column_stack([first, 1 - first])

    shap = PermutationShap(probabilities, draw_rows(30))
    found, prediction = shap.contributions(draw_rows(1, seed=3)[0])
    assert found.shape == (COLUMNS, 2)
    assert found[:, 0] == pytest.approx(-found[:, 1])
    assert shap.base + found.sum(axis=0) == pytest.approx(prediction, rel=1e-9)


def booster(objective: str, target: NDArray[Any], rows: Matrix, **parameters: Any) -> Booster:
    settings = {"objective": objective, "max_depth": 3, "nthread": 1, "seed": 1, **parameters}
    return Booster(bytes(xgboost.train(settings, xgboost.DMatrix(rows, target), 12).save_raw("ubj")))


def _by_paths(tree: dict[str, Any], row: Matrix, coalition: frozenset[int]) -> float:
    """A tree's mean over the training rows that reach a leaf, at splits by columns that are not in the coalition."""
    if "leaf" in tree:
        return float(tree["leaf"])
    below = {child["nodeid"]: child for child in tree["children"]}
    if (column := int(tree["split"][1:])) in coalition:
        value = np.float32(row[column])
        goes_left = value < np.float32(tree["split_condition"])
        chosen = tree["missing"] if np.isnan(value) else tree["yes"] if goes_left else tree["no"]
        return _by_paths(below[chosen], row, coalition)
    total = sum(child["cover"] * _by_paths(child, row, coalition) for child in below.values())
    return float(total / tree["cover"])


def test_tree_shap_equals_the_exact_values_of_its_trees() -> None:
    rows = draw_rows(400)
    settings = {"max_depth": 3, "nthread": 1, "seed": 1, "base_score": 0.5}
    trained = xgboost.train(settings, xgboost.DMatrix(rows, by_pairs(rows)), 12)
    score = AdditiveScore(Trees("trees"), {"trees": Booster(bytes(trained.save_raw("ubj")))})
    trees = [json.loads(text) for text in trained.get_dump(dump_format="json", with_stats=True)]
    (found,) = np.swapaxes(score.contributions(rows[:6]), 0, 1)
    for row, (*contributions, base) in zip(rows[:6], found, strict=True):

        def value(coalition: frozenset[int], row: Matrix = row) -> float:
            return 0.5 + sum(_by_paths(tree, row, coalition) for tree in trees)

        assert contributions == pytest.approx(exact_values(value, COLUMNS), abs=1e-4)
        assert base == pytest.approx(value(frozenset()), abs=1e-4)
    sums = found.sum(axis=1)
    assert sums == pytest.approx(score(rows[:6]), rel=1e-4)


@pytest.mark.parametrize("objective", ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"])
def test_trees_that_add_up_to_the_prediction_are_explained_as_trees(objective: str) -> None:
    rows = draw_rows(200)
    score = AdditiveScore(Trees("trees"), {"trees": booster(objective, by_pairs(rows), rows)})
    assert trees_of(score, rows[:20]) is score


@pytest.mark.parametrize("objective", ["reg:gamma", "count:poisson", "reg:logistic", "reg:tweedie"])
def test_trees_of_another_unit_are_not(objective: str) -> None:
    rows = draw_rows(200)
    target = np.abs(by_pairs(rows)) + 0.1
    trees = booster(objective, target / target.max(), rows)
    score = score_of_formula(Trees("trees", "value"), {"trees": trees}, (), ())
    assert trees_of(score, rows[:20]) is None


def test_other_scores_have_no_trees() -> None:
    assert trees_of(by_pairs, draw_rows(3)) is None


def test_the_background_is_spread_like_all_rows() -> None:
    rows = draw_rows(3000)
    chosen = choose_background(rows, seed=1)
    assert len(chosen) == 100
    assert (choose_background(rows, seed=1) == chosen)[~np.isnan(chosen)].all()
    drawn = [rows[np.random.default_rng(seed).permutation(3000)[:100]] for seed in range(20)]
    off = [np.abs(np.nanmean(each, axis=0) - np.nanmean(rows, axis=0)).max() for each in (chosen, *drawn)]
    assert off[0] < np.median(off[1:]) / 2
    assert np.isnan(chosen[:, 4]).mean() == pytest.approx(1 / 7, abs=0.05)
    assert choose_background(rows[:80], seed=1) is not None
    assert len(choose_background(rows[:80], seed=1)) == 80


def test_constant_columns_and_categories_are_no_hindrance() -> None:
    rows = np.column_stack([np.ones(300), np.full(300, np.nan), np.arange(300) % 3])
    chosen = choose_background(rows, seed=1, categorical=[2], count=30)
    assert sorted(np.unique(chosen[:, 2], return_counts=True)[1]) == [10, 10, 10]
