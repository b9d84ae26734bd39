"""The recipes: what can be tried, by name. Adding one is adding an entry to `RECIPES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier, XGBRegressor

from registry.scorer import ENCODE, FILL
from schemas.domain import Domain
from schemas.errors import ConfigurationError
from training.learning.encoding import encoder, filler, scaler

Build = Callable[[int], Any]
"""From a seed to an unfitted estimator."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to make a model.

    Attributes:
        name: what people call it, on the command line and in the registry.
        regression: makes the estimator for numbers; None if the recipe does not fit them.
        classification: makes the estimator for classes; None if the recipe does not fit them.
        scaled: whether the estimator wants numbers scaled and a column for each category.
        on_request: whether it is tried only when it is named.
    """

    name: str
    regression: Build | None = None
    classification: Build | None = None
    scaled: bool = False
    on_request: bool = False

    def estimator(self, domain: Domain) -> Build | None:
        """What makes the estimator for a domain's task."""
        return self.classification if domain.target.classes else self.regression

    def pipeline(self, domain: Domain, seed: int) -> Pipeline:
        """An unfitted pipeline that takes the domain's raw columns.

        Raises:
            ConfigurationError: the recipe does not fit the domain's task.
        """
        build = self.estimator(domain)
        if build is None:
            raise ConfigurationError(f"recipe {self.name} is not for {domain.task}")
        scaling = [("scale", scaler(domain))] if self.scaled else []
        return Pipeline([(ENCODE, encoder(domain)), (FILL, filler(domain)), *scaling, ("estimate", build(seed))])


def _gradient_boosting(seed: int, **parameters: Any) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(random_state=seed, **parameters)


def _xgboost(seed: int, **parameters: Any) -> XGBRegressor:
    return XGBRegressor(random_state=seed, n_jobs=1, **parameters)


def _xgboost_classes(seed: int, **parameters: Any) -> VotingClassifier:
    # XGBoost wants numbers for classes; a vote of one gives it numbers and gives names back
    return VotingClassifier([("xgboost", XGBClassifier(random_state=seed, n_jobs=1, **parameters))], voting="soft")


RECIPES: tuple[Recipe, ...] = (
    Recipe("linear", lambda _: LinearRegression(), scaled=True),
    Recipe("ridge", lambda seed: Ridge(random_state=seed), scaled=True),
    Recipe(
        "random-forest",
        lambda seed: RandomForestRegressor(n_estimators=100, random_state=seed),
        lambda seed: RandomForestClassifier(n_estimators=100, random_state=seed),
    ),
    Recipe(
        "gradient-boosting",
        partial(_gradient_boosting, n_estimators=300, learning_rate=0.05, max_depth=4, subsample=0.8),
        lambda seed: GradientBoostingClassifier(random_state=seed),
    ),
    Recipe(
        "xgboost",
        partial(_xgboost, n_estimators=300, learning_rate=0.05, max_depth=4, subsample=0.8, colsample_bytree=0.8),
        partial(_xgboost_classes, n_estimators=100, learning_rate=0.2, max_depth=4),
    ),
    Recipe(
        "xgboost-reference",
        partial(_xgboost, n_estimators=300, learning_rate=0.05, max_depth=4),
        partial(_xgboost_classes, n_estimators=300, learning_rate=0.05, max_depth=4),
        on_request=True,
    ),
)


def choose_recipes(domain: Domain, names: Sequence[str] = ()) -> list[Recipe]:
    """The recipes of these names; all that fit the domain's task, but those on request, where none is named.

    Raises:
        ConfigurationError: there is no such recipe, or it does not fit the task.
    """
    fitting = [recipe for recipe in RECIPES if recipe.estimator(domain)]
    if not names:
        return [recipe for recipe in fitting if not recipe.on_request]
    by_name = {recipe.name: recipe for recipe in fitting}
    if unknown := [name for name in names if name not in by_name]:
        raise ConfigurationError(
            f"no recipe {', '.join(unknown)} for {domain.name} ({domain.task}): there are {', '.join(by_name)}"
        )
    return [by_name[name] for name in dict.fromkeys(names)]
