"""The recipes of older systems, reimplemented, which a training is compared with.

Each builds an unfitted pipeline that takes raw columns and fills gaps inside the fold, as the domain declares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline
from xgboost import XGBRegressor

from registry.scorer import ENCODE, FILL
from registry.steps.keep_by_shap import KeepByShap
from schemas.domain import Domain
from training.learning.encoding import derive, encoder, filler, scaler

SEED = 42
SHAP_KEPT = 10


@dataclass(frozen=True, slots=True)
class RecipeContender:
    """A recipe to compare with.

    Attributes:
        title: for people.
        pipeline: builds it, unfitted.
    """

    title: str
    pipeline: Callable[[Domain], Pipeline]


def _older(title: str, *steps: Callable[[Domain], tuple[str, object]], derives: bool = True) -> RecipeContender:
    def pipeline(domain: Domain) -> Pipeline:
        deriving = [("derive", step)] if derives and (step := derive(domain)) is not None else []
        own = [step(domain) for step in steps]
        return Pipeline([(ENCODE, encoder(domain)), (FILL, filler(domain)), *deriving, *own])

    return RecipeContender(title, pipeline)


def _scaled(domain: Domain) -> tuple[str, object]:
    return "scale", scaler(domain, "standard")


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
)
OBESITY: tuple[RecipeContender, ...] = (
    _older(
        "random forest (100)", lambda _: ("estimate", RandomForestClassifier(100, random_state=SEED)), derives=False
    ),
    _older("random forest (100) with BMI", lambda _: ("estimate", RandomForestClassifier(100, random_state=SEED))),
)
CONTENDERS = {"housing": HOUSING, "obesity": OBESITY}
