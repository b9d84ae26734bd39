from __future__ import annotations

import numpy as np
import pytest

from schemas.domain import load_domain
from schemas.errors import ConfigurationError, ModelRejectedError
from schemas.sections import TrainingSettings
from tests.models import table_of
from training.learning.candidates import Candidate, choose, try_pipeline
from training.learning.folding import FoldResult, splits_of
from training.learning.recipes import choose_blends, choose_recipes

SETTINGS = TrainingSettings(folds=3)


def candidate(name: str, mean: float, us_per_row: float) -> Candidate:
    folds = FoldResult(np.array([mean]), np.array([0.0]))
    return Candidate(name, mean, 0.1, us_per_row, us_per_row <= 10, 1.0, folds)


def test_the_lowest_error_wins_among_those_that_are_fast_enough() -> None:
    candidates = [candidate("good", 3.0, 5), candidate("slow", 2.0, 50), candidate("bad", 4.0, 1)]
    assert choose(candidates, load_domain("housing"), 10).name == "good"


def test_the_highest_accuracy_wins() -> None:
    candidates = [candidate("low", 0.7, 5), candidate("high", 0.9, 5)]
    assert choose(candidates, load_domain("obesity"), 10).name == "high"


def test_if_all_candidates_are_too_slow_an_error_lists_their_costs() -> None:
    with pytest.raises(ModelRejectedError, match=r"at most 10 µs a row.*slow 50\.0 µs"):
        choose([candidate("slow", 2.0, 50)], load_domain("housing"), 10)


def test_try_pipeline_cross_validates_fits_and_times() -> None:
    table = table_of("housing")
    splits = splits_of(table, SETTINGS)
    pipeline = choose_recipes(table.domain, ["ridge"])[0].pipeline(table.domain, seed=1)
    candidate = try_pipeline("ridge", pipeline, table, splits, max_us_per_row=1000)
    assert 4 < candidate.mean < 6
    assert candidate.us_per_row > 0
    assert candidate.is_affordable
    assert len(pipeline.predict(table.frame)) == len(table)
    assert not try_pipeline("ridge", pipeline, table, splits, 1e-6).is_affordable


def test_recipes_on_request_are_only_used_by_name() -> None:
    housing = load_domain("housing")
    names = [recipe.name for recipe in choose_recipes(housing)]
    assert names == [
        "linear",
        "ridge",
        "random-forest",
        "extra-trees",
        "gradient-boosting",
        "histogram-boosting",
        "xgboost",
        "kriging",
    ]
    on_request = ["tuned-all", "shap-kept", "tuned-shap", "xgboost-reference"]
    assert [recipe.name for recipe in choose_recipes(housing, on_request)] == on_request


def test_classes_have_recipes_and_a_blend_of_their_own() -> None:
    obesity = load_domain("obesity")
    names = {recipe.name for recipe in choose_recipes(obesity)}
    assert {"logistic", "random-forest", "extra-trees", "gradient-boosting", "xgboost", "forests"} <= names
    assert choose_blends(obesity) == ["blend"]
    assert choose_blends(load_domain("housing")) == ["blend", "stack"]
    assert choose_blends(obesity, ["xgboost"]) == []


def test_a_blend_of_one_raises_an_error() -> None:
    housing = load_domain("housing")
    assert [recipe.name for recipe in choose_recipes(housing, ["ridge", "stack", "linear"])] == ["ridge", "linear"]
    with pytest.raises(ConfigurationError, match="at least two recipes for a blend"):
        choose_recipes(housing, ["ridge", "blend"])


def test_the_error_about_an_unknown_recipe_lists_the_recipes_for_the_task() -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe magic for housing.*xgboost-reference"):
        choose_recipes(table_of("housing").domain, ["ridge", "magic"])
    obesity = table_of("obesity").domain
    with pytest.raises(ConfigurationError, match="no recipe ridge for obesity"):
        choose_recipes(obesity, ["ridge"])
    with pytest.raises(ConfigurationError, match="not for classification"):
        choose_recipes(table_of("housing").domain, ["ridge"])[0].pipeline(obesity, 1)


def test_the_reference_model_is_300_trees_of_depth_4() -> None:
    housing = table_of("housing").domain
    estimator = choose_recipes(housing, ["xgboost-reference"])[0].pipeline(housing, 1)[-1]
    assert (estimator.n_estimators, estimator.max_depth, estimator.learning_rate) == (300, 4, 0.05)
