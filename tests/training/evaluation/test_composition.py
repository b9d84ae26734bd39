"""What a pipeline is made of."""

from __future__ import annotations

import pytest
from sklearn.pipeline import Pipeline

from registry.scorer import ENCODE
from registry.steps.sharpening import SharpenedClassifier
from schemas.domain import Domain, load_domain
from training.evaluation.composition import components_of
from training.learning.blending import make_voting_estimator
from training.learning.encoding import encoder
from training.learning.recipes import choose_recipes

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")


def pipeline_of(name: str, domain: Domain = HOUSING) -> Pipeline:
    return choose_recipes(domain, [name])[0].pipeline(domain, 1)


def test_a_single_recipe_has_the_parameters_that_it_sets() -> None:
    (only,) = components_of(pipeline_of("xgboost-reference"))
    assert (only.name, only.weight, only.estimator, only.target_scale) == ("", 1.0, "XGBRegressor", None)
    assert only.params.items() >= {"max_depth": 4, "n_estimators": 300, "learning_rate": 0.05}.items()
    assert not {"missing", "booster", "objective"} & only.params.keys(), "not set by the recipe"


def test_a_vote_of_one_is_one_estimator() -> None:
    (only,) = components_of(pipeline_of("xgboost-reference", OBESITY))
    assert (only.name, only.estimator, only.params["n_estimators"]) == ("", "XGBClassifier", 300)


def test_a_blend_has_members_weights_and_the_parameters_of_each() -> None:
    recipes = choose_recipes(HOUSING, ["linear", "extra-trees", "kriging"])
    members = [(each.name, each.member(HOUSING, 1)) for each in recipes]
    voting = make_voting_estimator(HOUSING, members, [0.2, 0.5, 0.3])
    linear, trees, kriging = components_of(Pipeline([(ENCODE, encoder(HOUSING)), ("estimate", voting)]))
    assert [each.weight for each in (linear, trees, kriging)] == pytest.approx([0.2, 0.5, 0.3])
    assert (linear.name, linear.estimator, linear.steps[-1]) == ("linear", "RidgeCV", "scale")
    assert (trees.target_scale, trees.params["max_features"]) == (None, 0.6)
    assert (kriging.target_scale, kriging.steps[-1]) == ("arcsinh", "scale")


def test_the_weights_of_a_sharpened_blend_inside_a_blend_are_shares_of_the_whole() -> None:
    random, extra, linear = choose_recipes(OBESITY, ["random-forest", "extra-trees", "linear"])
    forests = make_voting_estimator(OBESITY, [(each.name, each.member(OBESITY, 1)) for each in (random, extra)], [1, 1])
    members = [("forests", SharpenedClassifier(forests, 2.0)), ("linear", linear.member(OBESITY, 1))]
    components = components_of(Pipeline([("estimate", make_voting_estimator(OBESITY, members, [0.6, 0.4]))]))
    assert {each.name: round(each.weight, 6) for each in components} == {
        "forests: random-forest": 0.3, "forests: extra-trees": 0.3, "linear": 0.4,
    }  # fmt: skip
    assert components[0].steps[0] == "sharpen"
