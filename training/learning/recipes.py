"""The recipes: what can be tried, by name. Adding one is adding an entry to `RECIPES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from training.learning.spaces import Space

Build = Callable[..., Any]
"""From a seed, and parameters by name, to an unfitted estimator."""

STACK = "stack"
BLENDS = ("blend", STACK)
"""Made of other candidates once these were tried (see `training.learning.blending`)."""
KEPT = 10
"""Columns that a selection by SHAP keeps."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to make a model.

    Attributes:
        name: what people call it, on the command line and in the registry.
        regression: makes the estimator for numbers; None if the recipe does not fit them.
        classification: makes the estimator for classes; None if the recipe does not fit them.
        scaling: how numbers are scaled, each category in a column of its own; None for an estimator that wants neither.
        keep: how many columns a selection by SHAP leaves; None for all.
        regression_space: what a search may choose for numbers; None where nothing is searched.
        classification_space: what a search may choose for classes.
        on_request: whether it is tried only when it is named.
    """

    name: str
    regression: Build | None = None
    classification: Build | None = None
    scaling: Scaling | None = None
    keep: int | None = None
    regression_space: Space | None = None
    classification_space: Space | None = None
    on_request: bool = False

    def fits(self, domain: Domain) -> bool:
        """Whether it is for the domain's task."""
        return (self.classification if domain.target.classes else self.regression) is not None

    def space(self, domain: Domain) -> Space | None:
        """What a search may choose for the domain's task."""
        return self.classification_space if domain.target.classes else self.regression_space

    def steps(self, domain: Domain, seed: int, params: Mapping[str, Any] | None = None) -> list[tuple[str, Any]]:
        """The unfitted steps after gaps were filled and columns derived, the estimator last.

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
            domain: whose columns.
            seed: of every random choice.
            params: what a search chose, instead of the recipe's own.

        Raises:
            ConfigurationError: the recipe does not fit the domain's task.
        """
        return Pipeline([*first_steps(domain), *self.steps(domain, seed, params)])

    def member(self, domain: Domain, seed: int, params: Mapping[str, Any] | None = None) -> Any:
        """The same as a member of a blend, which comes after the first steps."""
        steps = self.steps(domain, seed, params)
        return Pipeline(steps) if len(steps) > 1 else steps[0][1]


def first_steps(domain: Domain) -> list[tuple[str, Any]]:
    """The unfitted steps with which every pipeline begins: from raw columns to a matrix without gaps, then derived."""
    at = domain.columns.index
    positions = [{at(column): power for column, power in one.powers.items()} for one in domain.derived]
    deriving = [("derive", Derive(positions))] if positions else []
    return [(ENCODE, encoder(domain)), (FILL, filler(domain)), *deriving]


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
    Recipe(
        "xgboost",
        estimators.xgboost,
        estimators.xgboost_classes,
        regression_space=spaces.XGBOOST_SPACE,
        classification_space=spaces.XGBOOST_CLASSES_SPACE,
    ),
    Recipe("kriging", estimators.kriging, scaling="power"),
    Recipe("forests", classification=estimators.forests),
    # the experiments of the systems before this one, by their names
    Recipe(
        "tuned-all",
        estimators.xgboost,
        estimators.xgboost_classes,
        regression_space=spaces.XGBOOST_SPACE,
        classification_space=spaces.XGBOOST_CLASSES_SPACE,
        on_request=True,
    ),
    Recipe("shap-kept", estimators.xgboost, estimators.xgboost_classes, keep=KEPT, on_request=True),
    Recipe(
        "tuned-shap",
        estimators.xgboost,
        estimators.xgboost_classes,
        keep=KEPT,
        regression_space=spaces.XGBOOST_SPACE,
        classification_space=spaces.XGBOOST_CLASSES_SPACE,
        on_request=True,
    ),
    Recipe(
        "xgboost-reference",
        partial(estimators.plain_xgboost, n_estimators=300, learning_rate=0.05, max_depth=4),
        partial(estimators.xgboost_classes, n_estimators=300, learning_rate=0.05, max_depth=4),
        on_request=True,
    ),
)


def choose_recipes(domain: Domain, names: Sequence[str] = ()) -> list[Recipe]:
    """The recipes of these names; all that fit the domain's task, but those on request, where none is named.

    The names of blends pass, and are left to `choose_blends`.

    Raises:
        ConfigurationError: there is no such recipe, it does not fit the task, or there is nothing to blend.
    """
    fitting = [recipe for recipe in RECIPES if recipe.fits(domain)]
    if not names:
        return [recipe for recipe in fitting if not recipe.on_request]
    by_name = {recipe.name: recipe for recipe in fitting}
    known = [*by_name, *_blends_for(domain)]
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"no recipe {', '.join(unknown)} for {domain.name} ({domain.task}): there are {', '.join(known)}"
        )
    chosen = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    if len(chosen) < 2 and len(chosen) < len(set(names)):  # noqa: PLR2004 - a blend is of two or more
        raise ConfigurationError(f"{', '.join(names)}: name at least two recipes for a blend")
    return chosen


def choose_blends(domain: Domain, names: Sequence[str] = ()) -> list[str]:
    """The blends among these names; all that fit the domain's task where none is named."""
    return [blend for blend in _blends_for(domain) if blend in names or not names]


def _blends_for(domain: Domain) -> Sequence[str]:
    # weights for the members are learnt by a regression on their answers, which classes do not give
    return BLENDS[:1] if domain.target.classes else BLENDS
