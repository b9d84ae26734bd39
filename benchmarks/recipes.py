"""The recipes that are compared: those of older systems, reimplemented, and this product's own.

Each builds an unfitted pipeline that takes raw columns and fills gaps inside the fold, as the domain declares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline
from xgboost import XGBRegressor

from registry.steps.keep_by_shap import KeepByShap
from schemas.domain import Domain
from training.learning.blending import make_voting_estimator
from training.learning.encoding import scaler
from training.learning.recipes import choose_recipes, first_steps

SEED = 42
SHAP_KEPT = 10


@dataclass(frozen=True, slots=True)
class RecipeContender:
    """A recipe to compare.

    Attributes:
        title: for people.
        is_ours: whether it is one of the product's recipes, not an older one.
        pipeline: builds it, unfitted.
    """

    title: str
    is_ours: bool
    pipeline: Callable[[Domain], Pipeline]


def _older(title: str, *steps: Callable[[Domain], tuple[str, object]], derives: bool = True) -> RecipeContender:
    def pipeline(domain: Domain) -> Pipeline:
        first = [step for step in first_steps(domain) if derives or step[0] != "derive"]
        return Pipeline([*first, *(step(domain) for step in steps)])

    return RecipeContender(title, is_ours=False, pipeline=pipeline)


def _ours(title: str, *names: str) -> RecipeContender:
    """Unchanged recipes of the product; several are averaged."""

    def pipeline(domain: Domain) -> Pipeline:
        recipes = choose_recipes(domain, names)
        if len(recipes) == 1:
            return recipes[0].pipeline(domain, SEED)
        parts = [(recipe.name, recipe.member(domain, SEED)) for recipe in recipes]
        return Pipeline([*first_steps(domain), ("estimate", make_voting_estimator(domain, parts, [1.0] * len(parts)))])

    return RecipeContender(title, is_ours=True, pipeline=pipeline)


def _scaled(domain: Domain) -> tuple[str, object]:
    return "scale", scaler(domain)


HOUSING: tuple[RecipeContender, ...] = (
    _older("linear", _scaled, lambda _: ("estimate", LinearRegression())),
    _older("ridge", _scaled, lambda _: ("estimate", Ridge())),
    _older("random forest (100)", lambda _: ("estimate", RandomForestRegressor(100, random_state=SEED))),
    _older(
        "gradient boosting (100, 0.1, depth 3)", lambda _: ("estimate", GradientBoostingRegressor(random_state=SEED))
    ),
    _older("XGBoost default, 13 features", lambda _: ("estimate", XGBRegressor(random_state=SEED, n_jobs=1))),
    _older(
        "XGBoost default, 10 features kept by SHAP",
        lambda _: ("keep", KeepByShap(SHAP_KEPT, random_state=SEED)),
        lambda _: ("estimate", XGBRegressor(random_state=SEED, n_jobs=1)),
    ),
    _older(
        "XGBoost (300, 0.05, depth 6)",
        lambda _: (
            "estimate",
            XGBRegressor(n_estimators=300, learning_rate=0.05, max_depth=6, random_state=SEED, n_jobs=1),
        ),
    ),
    _ours("tasador gradient-boosting", "gradient-boosting"),
    _ours("tasador xgboost", "xgboost"),
    _ours("tasador kriging", "kriging"),
    _ours("tasador blend of xgboost, kriging", "xgboost", "kriging"),
    _ours("tasador blend of gradient-boosting, kriging", "gradient-boosting", "kriging"),
)
OBESITY: tuple[RecipeContender, ...] = (
    _older(
        "random forest (100)", lambda _: ("estimate", RandomForestClassifier(100, random_state=SEED)), derives=False
    ),
    _older("random forest (100) with BMI", lambda _: ("estimate", RandomForestClassifier(100, random_state=SEED))),
    _ours("tasador xgboost", "xgboost"),
    _ours("tasador extra-trees", "extra-trees"),
    _ours("tasador forests", "forests"),
)
CONTENDERS = {"housing": HOUSING, "obesity": OBESITY}
CHOSEN = {"housing": "tasador blend of gradient-boosting, kriging", "obesity": "tasador forests"}
"""The recipe of ours that must reach the goals; chosen, like its parameters, on folds of other seeds."""
