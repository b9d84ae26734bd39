from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from registry.loading import load_scorer
from registry.scorer import score_of
from registry.serving.score import AdditiveScore
from registry.store import Registry
from schemas.classes import winners_of
from schemas.domain import load_domain
from schemas.errors import ModelRejectedError
from schemas.rows import RowBuilder
from tests.models import SmallModel, fitted, made_up_rows, register, table_of
from training.learning.recipes import choose_recipes

HOUSING = [recipe.name for recipe in choose_recipes(load_domain("housing"))]
OBESITY = [recipe.name for recipe in choose_recipes(load_domain("obesity"))]


def with_gaps(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    holes = frame.copy()
    for column in columns:
        holes.loc[rng.random(len(holes)) < 0.3, column] = np.nan
    return holes


@pytest.mark.parametrize("recipe", HOUSING)
def test_scoring_a_matrix_equals_predicting_raw_rows(recipe: str) -> None:
    table = table_of("housing")
    pipeline = fitted(table, recipe)
    raw = with_gaps(table.frame, ["CRIM", "CHAS", "LSTAT", "RM"])
    matrix = RowBuilder(table.domain).matrix_of_frame(raw)
    np.testing.assert_allclose(score_of(pipeline, ())(matrix), pipeline.predict(raw), rtol=5e-6)


@pytest.mark.parametrize("recipe", OBESITY)
def test_probabilities_are_in_the_order_of_the_domains_classes(recipe: str) -> None:
    table = table_of("obesity")
    pipeline = fitted(table, recipe)
    raw = with_gaps(table.frame, ["CAEC", "Age", "MTRANS"])
    classes = table.domain.target.classes
    scored = score_of(pipeline, classes)(RowBuilder(table.domain).matrix_of_frame(raw))
    assert scored.shape == (len(raw), len(classes))
    np.testing.assert_allclose(scored.sum(axis=1), 1, atol=1e-6)
    assert np.array(classes)[winners_of(scored, classes)].tolist() == pipeline.predict(raw).tolist()


@pytest.mark.parametrize("recipe", ["xgboost", "random-forest"])
def test_a_class_that_training_never_saw_has_probability_zero(recipe: str) -> None:
    table = table_of("obesity")
    seen = table.take(np.flatnonzero(np.isin(table.target, table.domain.target.classes[2:4])))
    score = score_of(fitted(seen, recipe), table.domain.target.classes)
    scored = score(RowBuilder(table.domain).matrix_of_frame(table.frame))
    assert not scored[:, [0, 1, 4, 5, 6]].any()
    np.testing.assert_allclose(scored.sum(axis=1), 1, atol=1e-6)


def test_a_class_unknown_to_the_domain_is_rejected() -> None:
    table = table_of("obesity")
    with pytest.raises(ModelRejectedError, match="Obesity_Type_III"):
        score_of(fitted(table, "random-forest"), table.domain.target.classes[:-1])


def test_trees_after_filled_gaps_are_one_booster() -> None:
    assert isinstance(score_of(fitted(table_of("housing"), "xgboost"), ()), AdditiveScore)


def test_the_callers_matrix_is_not_changed() -> None:
    table = table_of("housing")
    matrix = RowBuilder(table.domain).matrix_of_frame(with_gaps(table.frame, ["CRIM"]))
    before = matrix.copy()
    score_of(fitted(table, "linear"), ())(matrix)
    np.testing.assert_array_equal(matrix, before)


def test_a_row_scores_the_same_alone_and_in_a_batch() -> None:
    table = table_of("housing")
    matrix = RowBuilder(table.domain).matrix_of_frame(table.frame)
    score = score_of(fitted(table), ())
    np.testing.assert_array_equal(score(matrix[7:8]), score(matrix)[7:8])


def test_pyfunc_on_raw_rows_equals_the_scorer_on_their_matrix(small_model: SmallModel) -> None:
    scorer = load_scorer(small_model.folder, small_model.domain)
    raw = with_gaps(pd.DataFrame(made_up_rows(small_model.domain, 60)), ["CRIM", "CHAS", "LSTAT"])
    # as read from a CSV file: integers, and another order of columns
    raw = raw.astype({"TAX": "int64", "RAD": "int64"})[list(reversed(raw.columns))]
    mlflow.set_tracking_uri(small_model.registry.tracking_uri)
    predicted = mlflow.pyfunc.load_model("models:/housing@champion").predict(raw)
    scored = scorer.score(RowBuilder(small_model.domain).matrix_of_frame(raw))
    np.testing.assert_allclose(scored, predicted, rtol=5e-6)


@pytest.mark.parametrize("recipe", ["xgboost", "random-forest"])
def test_pyfunc_predicts_the_same_class_names_as_the_stream(own_model: SmallModel, recipe: str) -> None:
    table = table_of("obesity")
    registry = Registry(own_model.registry.tracking_uri, "obesity")
    # few trees make many ties between classes
    registry.set_champion(register(registry, fitted(table, recipe, trees=2), table, folds=0).version)
    mlflow.set_tracking_uri(registry.tracking_uri)
    raw = pd.DataFrame(made_up_rows(table.domain, 200, seed=5))
    named = mlflow.pyfunc.load_model("models:/obesity@champion").predict(raw).tolist()
    scorer = load_scorer(Path(registry.resolve().uri), table.domain)
    probabilities = scorer.score(RowBuilder(table.domain).matrix_of_frame(raw))
    classes = table.domain.target.classes
    assert np.array(classes)[winners_of(probabilities, classes)].tolist() == named
    ties = np.sum(probabilities == probabilities.max(axis=1, keepdims=True), axis=1) > 1
    assert ties.any()
