"""Scores of formulas: what consumers, explainers and training call with a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, Score
from registry.class_order import ClassOrder
from registry.serving.category_splits import appender_of
from registry.serving.formula import Formula, Trees
from registry.serving.interpreter import estimator_of
from registry.serving.tree_tables import margins_of
from schemas.rows import Matrix


class FormulaScore:
    """Scores by a formula.

    Args:
        formula: of the model.
        boosters: that it names, by their files.
        model_classes: the classes in the order of the formula's outputs; empty for a regression.
        classes: the domain's classes.

    Raises:
        ModelRejectedError: ("signature") the model predicts classes that the domain does not have.
        ValueError: the parts of the formula do not fit each other.
    """

    def __init__(
        self, formula: Formula, boosters: Mapping[str, Booster], model_classes: Sequence[str], classes: Sequence[str]
    ) -> None:
        self._order = ClassOrder(model_classes, classes) if classes else None
        self._outputs = len(classes)
        self._compute = estimator_of(formula, boosters)

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predictions (n,), or probabilities (n, classes) in the order of the domain's classes.

        A class that training never saw has probability 0. Not thread-safe.
        """
        if not len(matrix):
            return np.empty((0, self._outputs) if self._outputs else 0)
        # what calls this looks for predictions that are not finite
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self._compute(matrix)
        return self._order.apply(outputs) if self._order else outputs[:, 0]


class AdditiveScore:
    """The score of a regression that is one sum of trees: contributions of columns add up to the prediction.

    Args:
        trees: the whole formula.
        boosters: that it names, by their files.
    """

    def __init__(self, trees: Trees, boosters: Mapping[str, Booster]) -> None:
        booster, self._scale = boosters[trees.booster], trees.scale
        self._margins = margins_of(booster)
        self._append = appender_of(trees.memberships) if trees.memberships else None
        self._explained = boosters[trees.explained] if trees.explained else booster
        self._offset = 0.0 if trees.offset is None else trees.offset.array()[0]

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predictions (n,). Not thread-safe."""
        wide = self._append(matrix) if self._append else matrix
        return self._margins(wide)[:, 0] * self._scale + self._offset

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """SHAP values of n rows in the prediction's unit (n, 1, columns + 1), bias last; as `Booster.contributions`."""
        found = self._explained.contributions(matrix) * self._scale
        found[:, :, -1] += self._offset
        return found


def score_of_formula(
    formula: Formula, boosters: Mapping[str, Booster], model_classes: Sequence[str], classes: Sequence[str]
) -> Score:
    """The score of a formula; an `AdditiveScore` where it is one sum of trees. Arguments and errors: `FormulaScore`."""
    if isinstance(formula, Trees) and formula.output == "margin" and not classes:
        return AdditiveScore(formula, boosters)
    return FormulaScore(formula, boosters, model_classes, classes)
