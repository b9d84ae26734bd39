"""The recipes for models, by name: the boosting portfolio, members that do not boost, and recipes on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from registry.scorer import ENCODE, FILL
from registry.steps.keep_by_shap import KeepByShap
from registry.steps.kriging import LENGTH_ROWS, MAX_ROWS, MAX_STEPS
from schemas.domain import Domain
from schemas.errors import ConfigurationError
from training.learning import estimators, work
from training.learning.encoding import Scaling, derive, encoder, filler, scaler

Build = Callable[..., Any]
"""Creates an unfitted estimator from a seed."""
Counted = Callable[[int, int, int], float]
"""Counts from rows, columns after scaling, and classes (0 for numbers)."""

BOOSTING = "boosting"
"""The name of the whole portfolio (see `training.learning.portfolio`)."""
BLEND = "blend"
"""The name of the means of other candidates (see `training.learning.blending`)."""
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
        max_rows: most rows of a table that it is tried on; None for no limit.
        work: counts the work to fit it.
        cost: counts the µs of a row, by which candidates are chosen; None where nobody knows them before they are
            measured, and then the recipe is in no blend.
        types: full names of the types that its pipeline holds besides those of scikit-learn, XGBoost and the product;
            `allowed_types` in params.yaml must admit them.
        on_request: whether a training uses the recipe only if it is named.
        is_smooth: whether its predictions follow the numbers without steps, unlike those of trees.
    """

    name: str
    regression: Build | None = None
    classification: Build | None = None
    scaling: Scaling | None = None
    keep: int | None = None
    max_rows: int | None = None
    work: Counted = lambda rows, columns, classes: 1e-6 * rows * columns * max(1, classes)
    cost: Counted | None = None
    types: tuple[str, ...] = ()
    on_request: bool = False
    is_smooth: bool = False

    def fits(self, domain: Domain) -> bool:
        """Whether the recipe is for the domain's task."""
        return (self.classification if domain.target.classes else self.regression) is not None

    def steps(self, domain: Domain, seed: int) -> list[tuple[str, Any]]:
        """The unfitted steps after `encode`, of which the last is the estimator.

        Raises:
            ConfigurationError: the recipe does not fit the domain's task.
        """
        build = self.classification if domain.target.classes else self.regression
        if build is None:
            raise ConfigurationError(f"recipe {self.name} is not for {domain.task}")
        deriving = [("derive", step)] if (step := derive(domain)) else []
        scaling = [("scale", scaler(domain, self.scaling))] if self.scaling else []
        keeping = [("keep", KeepByShap(self.keep, random_state=seed))] if self.keep else []
        return [(FILL, filler(domain)), *deriving, *scaling, *keeping, ("estimate", build(seed))]

    def pipeline(self, domain: Domain, seed: int) -> Pipeline:
        """An unfitted pipeline that takes the domain's raw columns; raises as `steps`."""
        return Pipeline([(ENCODE, encoder(domain)), *self.steps(domain, seed)])

    def member(self, domain: Domain, seed: int) -> Pipeline:
        """An unfitted pipeline that takes the encoded matrix; raises as `steps`."""
        return Pipeline(self.steps(domain, seed))


def _forest_work(rows: int, columns: int, classes: int) -> float:
    return work.forest_work(estimators.FOREST_TREES, rows, columns) * (1 + 0.1 * classes)


def _forest_cost(rows: int, columns: int, classes: int) -> float:  # noqa: ARG001 - one signature for all
    leaves = min(rows, estimators.LEAVES)
    return work.forest_cost(estimators.FOREST_TREES if classes else estimators.MEAN_TREES, leaves, classes)


def _boosting_work(trees: int) -> Counted:
    def counted(rows: int, columns: int, classes: int) -> float:
        width = work.TableWidth(columns, max(1, classes), np.full(columns, rows))
        return trees * work.tree_work(rows, width, 6, 64, 256, share=1, is_guided=False)

    return counted


def _boosting_cost(trees: int, levels: int) -> Counted:
    return lambda rows, columns, classes: work.boosting_cost(trees, levels, classes if classes > 2 else 1, rows)  # noqa: ARG005, PLR2004


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "linear",
        estimators.ridge,
        estimators.logistic,
        scaling="standard",
        work=work.linear_work,
        cost=lambda rows, columns, classes: work.linear_cost(columns) * max(1, classes) ** 0.5,  # noqa: ARG005
        is_smooth=True,
    ),
    Recipe(
        "kriging",
        estimators.kriging,
        scaling="power",
        max_rows=5000,
        work=lambda rows, columns, classes: work.kriging_work(  # noqa: ARG005
            min(rows, MAX_ROWS), columns, min(rows, LENGTH_ROWS), MAX_STEPS
        ),
        cost=lambda rows, columns, classes: work.kriging_cost(min(rows, MAX_ROWS)),  # noqa: ARG005
        is_smooth=True,
    ),
    Recipe(
        "extra-trees",
        estimators.extra_trees,
        estimators.extra_trees_classes,
        max_rows=3000,
        work=_forest_work,
        cost=_forest_cost,
    ),
    Recipe(
        "random-forest",
        None,
        estimators.random_forest_classes,
        max_rows=3000,
        work=_forest_work,
        cost=_forest_cost,
    ),
    Recipe(
        "forest",
        estimators.random_forest,
        estimators.random_forest_classes,
        work=_forest_work,
        cost=_forest_cost,
        on_request=True,
    ),
    Recipe(
        "gradient-boosting",
        estimators.gradient_boosting,
        estimators.gradient_boosting_classes,
        work=_boosting_work(100),
        cost=_boosting_cost(100, 3),
        on_request=True,
    ),
    Recipe(
        "histogram-boosting",
        estimators.histogram_boosting,
        estimators.histogram_boosting_classes,
        work=_boosting_work(100),
        cost=_boosting_cost(100, 6),
        on_request=True,
    ),
    Recipe(
        "xgboost",
        estimators.xgboost,
        estimators.xgboost_classes,
        work=_boosting_work(100),
        cost=_boosting_cost(100, 6),
        on_request=True,
    ),
    # an experiment of earlier systems, with its name
    Recipe(
        "shap-kept",
        estimators.xgboost,
        estimators.xgboost_classes,
        keep=KEPT,
        work=_boosting_work(100),
        cost=_boosting_cost(100, 6),
        on_request=True,
    ),
    Recipe(
        "xgboost-reference",
        partial(estimators.xgboost, n_estimators=300, learning_rate=0.05, max_depth=4),
        partial(estimators.xgboost_classes, n_estimators=300, learning_rate=0.05, max_depth=4),
        work=_boosting_work(300),
        cost=_boosting_cost(300, 4),
        on_request=True,
    ),
)


def choose_recipes(domain: Domain, names: Sequence[str] = (), own: Sequence[Recipe] = ()) -> list[Recipe]:
    """The recipes with these names; without names, all for the domain's task that are not `on_request`.

    Names of the portfolio and of blends are accepted, and left to the caller.

    Args:
        domain: whose task the recipes must fit.
        names: of recipes.
        own: recipes of the user's own, which are tried without being named.

    Raises:
        ConfigurationError: a recipe does not exist or is not for the task.
    """
    fitting = [recipe for recipe in (*RECIPES, *own) if recipe.fits(domain)]
    if not names:
        return [recipe for recipe in fitting if not recipe.on_request]
    by_name = {recipe.name: recipe for recipe in fitting}
    known = [BOOSTING, *by_name, BLEND]
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"no recipe {', '.join(unknown)} for {domain.name} ({domain.task}); choose from {', '.join(known)}"
        )
    chosen = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    if BLEND in names and len(chosen) + (BOOSTING in names) < 2 and BOOSTING not in names:  # noqa: PLR2004
        raise ConfigurationError(f"{', '.join(names)}: a blend has at least two members; name more recipes")
    if set(names) == {BLEND}:
        raise ConfigurationError(f"{BLEND}: a blend has at least two members; name more recipes")
    return chosen
