from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from schemas.domain import load_domain
from schemas.errors import ConfigurationError, ModelRejectedError
from tests.models import table_of
from training.learning.candidates import Candidate, choose
from training.learning.folding import FoldResult
from training.learning.recipes import choose_recipes

SPLITS = tuple((np.arange(80), np.arange(20)) for _ in range(4))


def candidate(name: str, mean: float, us_per_row: float) -> Candidate:
    return candidate_of(name, [mean] * 4, us_per_row)


def candidate_of(name: str, scores: Sequence[float], us_per_row: float = 1.0, *, is_mixed: bool = False) -> Candidate:
    folds = FoldResult(np.array(scores), np.zeros(4))
    mean = float(np.mean(scores))
    return Candidate(name, mean, 0.1, us_per_row, us_per_row <= 10, folds, is_mixed=is_mixed)


def test_the_lowest_error_wins_among_those_that_are_fast_enough() -> None:
    candidates = [candidate("good", 3.0, 5), candidate("slow", 2.0, 50), candidate("bad", 4.0, 1)]
    assert choose(candidates, "rmse", 10, SPLITS).name == "good"


def test_the_highest_accuracy_wins() -> None:
    candidates = [candidate("low", 0.7, 5), candidate("high", 0.9, 5)]
    assert choose(candidates, "accuracy", 10, SPLITS).name == "high"


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([0.95, 1.06, 0.95, 1.06], "mixed"),  # 0.5 % worse, and better in two folds
        ([1.005, 1.005, 1.005, 1.005], "trees"),  # 0.5 % worse without exception
        ([0.95, 1.15, 0.95, 1.15], "trees"),  # 5 % worse
    ],
)
@pytest.mark.parametrize("metric", ["rmse", "accuracy"])
def test_a_mixed_blend_is_preferred_where_folds_cannot_tell(metric: str, scores: list[float], chosen: str) -> None:
    trees, mixed = np.ones(4), np.array(scores)
    if metric == "accuracy":
        trees, mixed = 1 - trees / 4, 1 - mixed / 4
    candidates = [candidate_of("trees", list(trees)), candidate_of("mixed", list(mixed), is_mixed=True)]
    assert choose(candidates, metric, 10, SPLITS).name == chosen


def test_a_mixed_blend_that_is_too_slow_is_not_preferred() -> None:
    trees, mixed = candidate("trees", 1.0, 5), candidate_of("mixed", [0.95, 1.06, 0.95, 1.06], 50, is_mixed=True)
    assert choose([trees, mixed], "rmse", 10, SPLITS).name == "trees"


def test_if_all_candidates_are_too_slow_an_error_lists_their_costs() -> None:
    with pytest.raises(ModelRejectedError, match=r"at most 10 µs a row.*slow 50\.0 µs"):
        choose([candidate("slow", 2.0, 50)], "rmse", 10, SPLITS)


def test_recipes_on_request_are_only_used_by_name() -> None:
    housing = load_domain("housing")
    assert [recipe.name for recipe in choose_recipes(housing)] == ["linear", "kriging", "extra-trees"]
    on_request = ["forest", "shap-kept", "xgboost-reference"]
    assert [recipe.name for recipe in choose_recipes(housing, on_request)] == on_request


def test_classes_have_recipes_of_their_own() -> None:
    names = [recipe.name for recipe in choose_recipes(load_domain("obesity"))]
    assert names == ["linear", "extra-trees", "random-forest"]


def test_a_blend_of_one_raises_an_error() -> None:
    housing = load_domain("housing")
    assert [recipe.name for recipe in choose_recipes(housing, ["kriging", "blend", "linear"])] == ["kriging", "linear"]
    assert choose_recipes(housing, ["boosting", "blend"]) == [], "the portfolio has members enough"
    for names in (["linear", "blend"], ["blend"]):
        with pytest.raises(ConfigurationError, match="a blend has at least two members"):
            choose_recipes(housing, names)


def test_the_error_about_an_unknown_recipe_lists_the_recipes_for_the_task() -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe magic for housing.*boosting.*xgboost-reference, blend"):
        choose_recipes(table_of("housing").domain, ["linear", "magic"])
    obesity = table_of("obesity").domain
    with pytest.raises(ConfigurationError, match="no recipe kriging for obesity"):
        choose_recipes(obesity, ["kriging"])
    with pytest.raises(ConfigurationError, match="not for classification"):
        choose_recipes(table_of("housing").domain, ["kriging"])[0].pipeline(obesity, 1)


def test_the_reference_model_is_300_trees_of_depth_4() -> None:
    housing = table_of("housing").domain
    estimator = choose_recipes(housing, ["xgboost-reference"])[0].pipeline(housing, 1)[-1]
    assert (estimator.n_estimators, estimator.max_depth, estimator.learning_rate) == (300, 4, 0.05)
