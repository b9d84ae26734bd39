"""Compiles the parts of fitted pipelines. Each type of estimator has one converter, found by its exact type.

A subclass may predict in another way than its parent, so it has no converter. Where trees allow it, the formula is
simpler than the pipeline: the values that fill gaps become the directions in which trees send gaps, and members of a
blend that add up trees become one booster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
from msgspec.structs import replace

from registry.serving.category_splits import split_by_membership
from registry.serving.formula import (
    Append,
    Apply,
    Chain,
    FillGaps,
    Formula,
    MatrixStep,
    Mean,
    Numbers,
    Sharpen,
    Trees,
)
from registry.serving.trees import TreeModel, merged

EstimatorConverter = Callable[[Any, "Compiler"], Formula]
StepConverter = Callable[[Any], list[MatrixStep]]

T = TypeVar("T")


class NoServingFormError(ValueError):
    """A pipeline holds something that has no converter; the message names it."""


class BoosterSource(Protocol):
    """Trees that a formula adds up, before they are stored."""

    def stored(self) -> bytes:
        """In XGBoost's own format."""

    def tree_model(self) -> TreeModel | None:
        """As arrays; None if they cannot be changed."""


class Compiler:
    """Compiles the parts of one pipeline.

    Args:
        estimators: converters by type.
        transformers: converters by type.
        codes: largest number of categories of a column; every code is smaller.

    Attributes:
        sources: what formulas name as boosters so far.
    """

    def __init__(
        self,
        estimators: Mapping[type, EstimatorConverter],
        transformers: Mapping[type, StepConverter],
        codes: int,
    ) -> None:
        self._estimators = estimators
        self._transformers = transformers
        self.codes = codes
        self.sources: dict[str, BoosterSource] = {}

    def estimator(self, fitted: Any) -> Formula:
        """The formula of a fitted estimator, or of a pipeline that ends with one.

        Raises:
            NoServingFormError: it has no converter.
        """
        return _converter(fitted, self._estimators)(fitted, self)

    def steps(self, fitted: Any) -> list[MatrixStep]:
        """The steps of a fitted transformer.

        Raises:
            NoServingFormError: it has no converter.
        """
        return _converter(fitted, self._transformers)(fitted)

    def trees(self, source: BoosterSource, **fields: Any) -> Trees:
        """The formula of trees; `fields` are those of `Trees`."""
        name = f"booster-{len(self.sources)}.ubj"
        self.sources[name] = source
        return Trees(name, **fields)

    def sum_of(self, model: TreeModel) -> Trees:
        """The formula of the sum of a model's trees."""
        return self._changed(self.trees(model), model)

    def _changed(self, trees: Trees, model: TreeModel) -> Trees:
        """The formula of a model whose trees take the place of others."""
        self.sources[trees.booster] = model
        is_outside = model.offset.any() and not model.is_begun
        return Trees(trees.booster, scale=model.scale, offset=Numbers.of(model.offset) if is_outside else None)

    def model_of(self, formula: Formula) -> TreeModel | None:
        """The trees that a formula adds up; None if it does anything else, or if they cannot be changed."""
        if not isinstance(formula, Trees) or formula.output != "margin":
            return None
        return self.sources[formula.booster].tree_model()

    def chain(self, steps: Sequence[MatrixStep], formula: Formula) -> Formula:
        """The formula after some steps."""
        match formula:
            case Apply():
                return Apply(formula.function, self.chain(steps, formula.to))
            case Sharpen():
                return Sharpen(formula.power, formula.least, self.chain(steps, formula.of))
            case Mean() if all(isinstance(step, FillGaps | Append) for step in steps):
                # then gaps are filled in the trees of each member
                return self.mean([self.chain(steps, member) for member in formula.members], formula.weights)
            case Chain():
                return self.chain([*steps, *formula.steps], formula.then)
            case Trees() if (model := self.model_of(formula)) and (folded := _fold_fill(steps, model)):
                steps, model = folded
                formula = self._changed(formula, model)
        return Chain(list(steps), formula) if steps else formula

    def without_categories(self, formula: Formula, *, is_explained: bool) -> Formula:
        """The formula with splits on categories as comparisons of columns (see `registry.serving.category_splits`).

        Args:
            formula: whole.
            is_explained: whether the trees before the change are kept, for contributions.
        """
        change = partial(self.without_categories, is_explained=False)
        match formula:
            case Chain():
                return Chain(formula.steps, change(formula.then))
            case Apply():
                return Apply(formula.function, change(formula.to))
            case Sharpen():
                return Sharpen(formula.power, formula.least, change(formula.of))
            case Mean():
                return Mean([change(member) for member in formula.members], formula.weights)
            case Trees() if model := self.model_of(formula):
                wider, memberships = split_by_membership(model)
                if memberships:
                    changed = self._changed(self.trees(wider), wider)
                    kept = self._changed(formula, model).booster if is_explained else None
                    return replace(changed, memberships=memberships, explained=kept)
        return formula

    def mean(self, members: Sequence[Formula], weights: Sequence[float]) -> Formula:
        """The formula of a weighted mean, in which members that add up trees of the same matrix are one booster."""
        parts: list[tuple[Formula, float]] = []
        for member, weight in zip(members, np.divide(weights, np.sum(weights)).tolist(), strict=True):
            inner = zip(member.members, member.weights, strict=True) if isinstance(member, Mean) else [(member, 1.0)]
            parts += [(formula, weight * share) for formula, share in inner]
        parts = self._merge(parts)
        if len(parts) == 1:
            return parts[0][0]
        return Mean([formula for formula, _ in parts], [weight for _, weight in parts])

    def _merge(self, parts: Sequence[tuple[Formula, float]]) -> list[tuple[Formula, float]]:
        alike: dict[Any, list[tuple[Trees, TreeModel, float]]] = {}
        places: dict[Any, tuple[list[MatrixStep], int]] = {}
        found: list[tuple[Formula, float]] = []
        for formula, weight in parts:
            steps, last = (formula.steps, formula.then) if isinstance(formula, Chain) else ([], formula)
            if not isinstance(last, Trees) or (model := self.model_of(last)) is None:
                found.append((formula, weight))
                continue
            key = (repr(steps), len(model.offset), model.has_vectors)
            if key not in alike:
                places[key] = (steps, len(found))
                found.append((formula, weight))
            alike.setdefault(key, []).append((last, model, weight))
        for key, same in alike.items():
            if len(same) > 1:
                steps, place = places[key]
                total = sum(weight for *_, weight in same)
                model = merged([model for _, model, _ in same], [weight / total for *_, weight in same])
                trees = self._changed(same[0][0], model)
                found[place] = (Chain(steps, trees) if steps else trees, total)
        return found


def _fold_fill(steps: Sequence[MatrixStep], model: TreeModel) -> tuple[list[MatrixStep], TreeModel] | None:
    """Steps and trees that predict the same without filling gaps first; None if the steps are others."""
    match list(steps):
        case [FillGaps(values)]:
            return [], model.filled(values.array())
        case [FillGaps(values), Append(powers, None)]:
            padded = np.concatenate([values.array(), np.full(len(powers), np.nan)])
            return [Append(powers, values)], model.filled(padded)
        case _:
            return None


def _converter(fitted: Any, converters: Mapping[type, T]) -> T:
    if (found := converters.get(type(fitted))) is None:
        raise NoServingFormError(f"{type(fitted).__name__} has no serving form")
    return found
