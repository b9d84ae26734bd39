"""The recipes for models, by name. To add a recipe, add it to `RECIPES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from registry.scorer import ENCODE, FILL
from registry.steps.derive import Derive
from registry.steps.keep_by_shap import KeepByShap
from schemas.domain import Domain
from schemas.errors import ConfigurationError
from training.learning import estimators, spaces
from training.learning.encoding import Scaling, encoder, filler, scaler
from training.learning.spaces import SearchSpace

Build = Callable[..., Any]
"""Creates an unfitted estimator from a seed and named parameters."""

STACK = "stack"
BLENDS = ("blend", STACK)
"""Recipes that combine other candidates (see `training.learning.blending`)."""
KEPT = 10
"""Number of columns that selection by SHAP keeps."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to build a model.

    Attributes:
        name: on the command line and in the registry.
        regression: creates the estimator for numbers; None if the recipe is only for classes.
        classification: creates the estimator for classes; None if the recipe is only for numbers.
        scaling: how to scale numbers, with a column for each category; None to leave the columns unchanged.
        keep: number of columns to keep by SHAP; None for all.
        regression_space: parameters to search for numbers; None for no search.
        classification_space: parameters to search for classes; None for no search.
        on_request: whether a training uses the recipe only if it is named.
    """

    name: str
    regression: Build | None = None
    classification: Build | None = None
    scaling: Scaling | None = None
    keep: int | None = None
    regression_space: SearchSpace | None = None
    classification_space: SearchSpace | None = None
    on_request: bool = False

    def fits(self, domain: Domain) -> bool:
        """Whether the recipe is for the domain's task."""
        return (self.classification if domain.target.classes else self.regression) is not None

    def space(self, domain: Domain) -> SearchSpace | None:
        """The parameters to search for the domain's task."""
        return self.classification_space if domain.target.classes else self.regression_space

    def steps(self, domain: Domain, seed: int, params: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
        """The unfitted steps after `first_steps`, of which the last is the estimator.

        Raises:
            ConfigurationError: the recipe does not fit the domain's task.
        """
        build = self.classification if domain.target.classes else self.regression
        if build is None:
            raise ConfigurationError(f"recipe {self.name} is not for {domain.task}")
        scaling = [("scale", scaler(domain, self.scaling))] if self.scaling else []
        keeping = [("keep", KeepByShap(self.keep, random_state=seed))] if self.keep else []
        return [*scaling, *keeping, ("estimate", build(seed, **(params or {})))]

    def pipeline(self, domain: Domain, seed: int, params: Mapping[str, Any] | None = None) -> Pipeline:
        """An unfitted pipeline that takes the domain's raw columns.

        Args:
            domain: of the columns.
            seed: of every random choice.
            params: from a search, in place of the recipe's own.

        Raises:
            ConfigurationError: the recipe does not fit the domain's task.
        """
        return Pipeline([*first_steps(domain), *self.steps(domain, seed, params)])

    def member(self, domain: Domain, seed: int, params: Mapping[str, Any] | None = None) -> Any:
        """An unfitted estimator or pipeline for a blend, whose input comes from `first_steps`."""
        steps = self.steps(domain, seed, params)
        return Pipeline(steps) if len(steps) > 1 else steps[0][1]


def first_steps(domain: Domain) -> list[tuple[str, Any]]:
    """The unfitted first steps of every pipeline: encode raw columns, fill gaps, append derived columns."""
    index = domain.columns.index
    positions = [{index(column): power for column, power in each.powers.items()} for each in domain.derived]
    deriving = [("derive", Derive(positions))] if positions else []
    return [(ENCODE, encoder(domain)), (FILL, filler(domain)), *deriving]


_XGBOOST = Recipe(
    "xgboost",
    estimators.xgboost,
    estimators.xgboost_classes,
    regression_space=spaces.XGBOOST_SPACE,
    classification_space=spaces.XGBOOST_CLASSES_SPACE,
)
RECIPES: tuple[Recipe, ...] = (
    Recipe("linear", lambda _: LinearRegression(), scaling="standard"),
    Recipe("ridge", lambda seed, **own: Ridge(random_state=seed, **own), scaling="standard"),
    Recipe(
        "logistic",
        classification=lambda seed, **own: LogisticRegression(**{"C": 30.0, "max_iter": 2000} | own, random_state=seed),
        scaling="standard",
    ),
    Recipe("random-forest", estimators.random_forest, estimators.random_forest_classes),
    Recipe("extra-trees", estimators.extra_trees, estimators.extra_trees_classes),
    Recipe(
        "gradient-boosting",
        estimators.gradient_boosting,
        estimators.gradient_boosting_classes,
        regression_space=spaces.GRADIENT_BOOSTING_SPACE,
    ),
    Recipe("histogram-boosting", estimators.histogram_boosting, estimators.histogram_boosting_classes),
    _XGBOOST,
    Recipe("kriging", estimators.kriging, scaling="power"),
    Recipe("forests", classification=estimators.forests),
    # experiments of earlier systems, with their names
    replace(_XGBOOST, name="tuned-all", on_request=True),
    Recipe("shap-kept", estimators.xgboost, estimators.xgboost_classes, keep=KEPT, on_request=True),
    replace(_XGBOOST, name="tuned-shap", keep=KEPT, on_request=True),
    Recipe(
        "xgboost-reference",
        partial(estimators.plain_xgboost, n_estimators=300, learning_rate=0.05, max_depth=4),
        partial(estimators.xgboost_classes, n_estimators=300, learning_rate=0.05, max_depth=4),
        on_request=True,
    ),
)


def choose_recipes(domain: Domain, names: Sequence[str] = ()) -> list[Recipe]:
    """The recipes with these names; without names, all for the domain's task that are not `on_request`.

    Names of blends are accepted, and left to `choose_blends`.

    Raises:
        ConfigurationError: a recipe does not exist or is not for the task, or a blend has fewer than two members.
    """
    fitting = [recipe for recipe in RECIPES if recipe.fits(domain)]
    if not names:
        return [recipe for recipe in fitting if not recipe.on_request]
    by_name = {recipe.name: recipe for recipe in fitting}
    known = [*by_name, *_blends_for(domain)]
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"no recipe {', '.join(unknown)} for {domain.name} ({domain.task}); choose from {', '.join(known)}"
        )
    chosen = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    if len(chosen) < 2 and len(chosen) < len(set(names)):  # noqa: PLR2004 - a blend has at least two members
        raise ConfigurationError(f"{', '.join(names)}: name at least two recipes for a blend")
    return chosen


def choose_blends(domain: Domain, names: Sequence[str] = ()) -> list[str]:
    """The blends with these names; without names, all for the domain's task."""
    return [blend for blend in _blends_for(domain) if blend in names or not names]


def _blends_for(domain: Domain) -> Sequence[str]:
    # a stack learns weights by a regression on its members' predictions, which must be numbers
    return BLENDS[:1] if domain.target.classes else BLENDS
