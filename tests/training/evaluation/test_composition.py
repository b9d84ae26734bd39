"""What a pipeline is made of."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.pipeline import Pipeline

from schemas.domain import load_domain
from training.evaluation.composition import components_of
from training.learning.blending import make_voting_estimator
from training.learning.recipes import choose_recipes, first_steps

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")


def pipeline_of(name: str, domain: Any = HOUSING, params: dict[str, Any] | None = None) -> Pipeline:
    return choose_recipes(domain, [name])[0].pipeline(domain, 1, params)


def test_a_single_recipe_has_the_parameters_that_it_sets() -> None:
    (only,) = components_of(pipeline_of("xgboost", params={"max_depth": 7}))
    assert (only.name, only.weight, only.estimator, only.target_scale) == ("", 1.0, "XGBRegressor", None)
    assert only.params.items() >= {"max_depth": 7, "n_estimators": 400, "learning_rate": 0.05}.items()
    assert not {"missing", "booster", "objective"} & only.params.keys(), "not set by the recipe"


def test_a_vote_of_one_is_one_estimator() -> None:
    (only,) = components_of(pipeline_of("xgboost", OBESITY))
    assert (only.name, only.estimator, only.params["n_estimators"]) == ("", "XGBClassifier", 80)


def test_a_blend_has_members_weights_and_the_parameters_of_each() -> None:
    recipes = choose_recipes(HOUSING, ["ridge", "gradient-boosting", "kriging"])
    chosen: list[dict[str, Any]] = [{"alpha": 3.0}, {"log": True, "max_depth": 2}, {}]
    members = [(each.name, each.member(HOUSING, 1, params)) for each, params in zip(recipes, chosen, strict=True)]
    voting = make_voting_estimator(HOUSING, members, [0.2, 0.5, 0.3])
    ridge, boosting, kriging = components_of(Pipeline([*first_steps(HOUSING), ("estimate", voting)]))
    assert [each.weight for each in (ridge, boosting, kriging)] == pytest.approx([0.2, 0.5, 0.3])
    assert (ridge.name, ridge.estimator) == ("ridge", "Ridge")
    assert (ridge.params["alpha"], ridge.steps[-1]) == (3.0, "scale")
    assert boosting.target_scale == "arcsinh"
    assert (boosting.params["max_depth"], boosting.params["n_estimators"]) == (2, 300)
    assert (kriging.target_scale, kriging.steps[-1]) == ("arcsinh", "scale")


def test_the_weights_of_a_blend_inside_a_blend_are_shares_of_the_whole() -> None:
    forests, xgboost = choose_recipes(OBESITY, ["forests", "xgboost"])
    members = [(each.name, each.member(OBESITY, 1)) for each in (forests, xgboost)]
    components = components_of(Pipeline([("estimate", make_voting_estimator(OBESITY, members, [0.6, 0.4]))]))
    assert {each.name: round(each.weight, 6) for each in components} == {
        "forests: random": 0.3, "forests: extra": 0.3, "xgboost": 0.4,
    }  # fmt: skip
