"""A formula predicts as its pipeline does: for every type that compiles, wherever a row falls, alone and in a batch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn import ensemble, linear_model
from sklearn.pipeline import Pipeline
from xgboost import XGBRegressor

from registry.booster import Booster, Score
from registry.predict_fn import pipeline_score
from registry.scorer import score_of
from registry.serving.category_splits import MOST_MEMBERSHIPS, appender_of, split_by_membership
from registry.serving.compiler import NoServingFormError
from registry.serving.compiling import CompiledModel, compile_pipeline
from registry.serving.formula import Mean, Trees, boosters_in
from registry.serving.native_booster import NativeBooster
from registry.steps.boosting import BoostedRegressor
from schemas.rows import Matrix
from tests.registry.serving.form_cases import (
    CLASSES,
    CLASSIFICATIONS,
    CODES,
    NUMBERS,
    REGRESSIONS,
    encode,
    fitted,
    on_log,
    rows_of,
    target_of,
)

TOLERANCE = 5e-6


def compiled(name: str, classes: int) -> CompiledModel:
    return compile_pipeline(fitted(name, classes), has_classes=bool(classes))


def rows_on_thresholds(model: CompiledModel) -> Matrix:
    """Rows whose columns lie exactly on conditions of splits, and beside them."""
    rows = rows_of(240, seed=4)
    rng = np.random.default_rng(4)
    for stored in model.boosters.values():
        document = json.loads(bytes(xgboost.Booster(model_file=bytearray(stored)).save_raw("json")))
        for each in document["learner"]["gradient_booster"]["model"]["trees"]:
            inner = np.flatnonzero((np.array(each["left_children"]) >= 0) & (np.array(each["split_type"]) == 0))
            for node in inner.tolist():
                column, condition = each["split_indices"][node], np.float32(each["split_conditions"][node])
                if column < rows.shape[1] and np.isfinite(condition):
                    towards = np.float32(rng.choice([-np.inf, np.inf]))
                    beside = np.nextafter(condition, towards) if rng.random() < 0.5 else condition
                    rows[rng.integers(len(rows)), column] = beside
    rows[:, NUMBERS] = rng.integers(0, CODES, len(rows))
    return rows


def assert_same(score: Score, expected: NDArray[np.float64], rows: Matrix) -> None:
    alone = np.concatenate([score(rows[row : row + 1]) for row in range(len(rows))])
    for scored in (score(rows), alone):
        np.testing.assert_allclose(scored, expected, rtol=TOLERANCE, atol=1e-7 * np.max(np.abs(expected)))


def node_types(stored: bytes) -> set[int]:
    """Kinds of splits in a stored booster: 0 compares numbers, 1 looks for a category."""
    document = json.loads(bytes(xgboost.Booster(model_file=bytearray(stored)).save_raw("json")))
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    return {kind for tree in trees for kind in tree["split_type"]}


CASES = [(name, 0) for name in REGRESSIONS] + [(name, classes) for name in CLASSIFICATIONS for classes in (2, 3)]


@pytest.mark.parametrize(("name", "classes"), CASES)
def test_a_formula_predicts_as_its_pipeline(name: str, classes: int) -> None:
    pipeline, model = fitted(name, classes), compiled(name, classes)
    score, predict = score_of(pipeline, CLASSES[:classes]), pipeline_score(pipeline, CLASSES[:classes])
    with_gaps = rows_of(150, seed=2, gaps=0.3)
    with_gaps[0] = np.nan
    for rows in (rows_on_thresholds(model), with_gaps, rows_of(300, seed=3)):
        assert_same(score, predict(rows), rows)


def test_members_that_add_up_trees_become_one_booster() -> None:
    assert isinstance(compiled("blend-of-sums", 0).formula, Trees)
    assert len(boosters_in(compiled("filled-blend", 0).formula)) == 1
    votes = compiled("blend", 3).formula
    assert isinstance(votes, Mean)
    # both kinds of forest are one booster, the sharpened member has its own
    assert len(boosters_in(votes)) == 2


class Unknown(linear_model.Ridge):  # type: ignore[misc]
    """Predicts as it likes."""


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (Unknown(), "Unknown has no serving form"),
        (on_log(linear_model.Ridge(), "own"), "this transformation of the target has no serving form"),
        (ensemble.GradientBoostingRegressor(init=linear_model.Ridge()), "begins with an estimator"),
        (XGBRegressor(missing=-1.0), "XGBoost with a number for gaps"),
        (ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", Unknown())]), "Unknown has no serving form"),
    ],
)
def test_what_has_no_converter_is_named_and_scored_by_its_pipeline(estimator: Any, reason: str) -> None:
    rows = rows_of(60, seed=8)
    pipeline = Pipeline([("encode", encode()), ("estimate", estimator)]).fit(rows, target_of(rows))
    with pytest.raises(NoServingFormError, match=reason):
        compile_pipeline(pipeline, has_classes=False)
    np.testing.assert_allclose(score_of(pipeline, ())(rows), pipeline.predict(rows), rtol=1e-9)


def test_a_vote_of_equal_classes_stays_equal() -> None:
    rows = rows_of(400, seed=5)
    votes = score_of(fitted("random-forest", 3), CLASSES)(rows)
    expected = fitted("random-forest", 3).predict_proba(rows)
    is_tie = np.sum(expected == expected.max(axis=1, keepdims=True), axis=1) > 1
    assert is_tie.any()
    assert (np.sum(votes == votes.max(axis=1, keepdims=True), axis=1) > 1)[is_tie].all()


@pytest.mark.parametrize(("name", "classes"), [("boosted", 0), ("boosted", 2), ("boosted", 3), ("boosted-on-log", 0)])
def test_no_tree_looks_for_a_category_and_sums_are_those_of_xgboost(name: str, classes: int) -> None:
    pipeline, model = fitted(name, classes), compiled(name, classes)
    scored, *explained = boosters_in(model.formula)
    assert [node_types(model.boosters[each]) for each in (scored, *explained)] == [{0}, {0, 1}][: 1 + len(explained)]
    assert bool(explained) == isinstance(model.formula, Trees)
    rows = rows_of(300, seed=3, gaps=0.2)
    rows[:, NUMBERS] = np.where(np.isnan(rows[:, NUMBERS]), np.nan, np.arange(300) % CODES)
    score, predict = score_of(pipeline, CLASSES[:classes]), pipeline_score(pipeline, CLASSES[:classes])
    assert_same(score, predict(rows), rows)


def test_trees_of_too_many_sets_of_categories_stay_as_they_are() -> None:
    rng = np.random.default_rng(3)
    codes = np.column_stack([rng.integers(0, 200, 4000), rng.normal(size=4000)]).astype(np.float64)
    target = rng.normal(size=200)[codes[:, 0].astype(int)] + codes[:, 1]
    regressor = BoostedRegressor(trees=80, params={"max_depth": 4, "eta": 0.3}, categories=(0,)).fit(codes, target)
    model = NativeBooster(regressor.booster_).tree_model()
    assert model is not None
    wider, memberships = split_by_membership(model)
    assert 0 < len(memberships) <= MOST_MEMBERSHIPS
    assert any(tree.categories for tree in wider.trees)
    assert not all(tree.categories for tree in wider.trees)
    codes[:50, 0] = np.nan
    sums = Booster(wider.stored()).margins(appender_of(memberships)(codes))[:, 0] + wider.offset
    np.testing.assert_allclose(sums, regressor.predict(codes), rtol=TOLERANCE, atol=1e-6)
