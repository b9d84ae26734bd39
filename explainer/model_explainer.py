"""Explains the rows of one model by the method that fits it.

A model is any that scores a matrix. TreeSHAP is used where its score is a single booster whose output is the prediction
in the target's unit; any other model is explained by permutation, as a whole. Of classes, the probability of the
predicted class is explained.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explainer.permutation_shap import PermutationShap
from explainer.tree_shap import ExplainableTrees, trees_of
from registry.background import read_background
from registry.loading import load_to_serve
from registry.scorer import Scorer
from schemas.classes import winners_of
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.explanations import ExplanationMethod
from schemas.rows import Matrix

TREE_ROWS = 50
"""Rows that TreeSHAP explains in one call."""
_TRIED_ROWS = 20


@dataclass(frozen=True, slots=True)
class Attribution:
    """The explanation of one row.

    Attributes:
        prediction: a number in the target's unit, or the predicted class.
        value: what is explained: the number, or the probability of the predicted class.
        unit: of `value`.
        base: the value that the contributions begin from.
        contributions: by column (columns,); `base` and their sum are `value`.
    """

    prediction: float | str
    value: float
    unit: str
    base: float
    contributions: NDArray[np.float64]


class ModelExplainer:
    """Explains rows of one model.

    Args:
        scorer: the model.
        background: its background rows (m, columns); None if it has none.
        domain: the model's.

    Attributes:
        method: that it uses.
        scorer: as given.
        background: as given.

    Raises:
        ModelRejectedError: ("background") no method fits the model.
    """

    method: ExplanationMethod

    def __init__(self, scorer: Scorer, background: Matrix | None, domain: Domain) -> None:
        self.scorer = scorer
        self.background = background
        self._score = scorer.score
        self._target = domain.target
        self._threshold = scorer.card.threshold
        self._trees: ExplainableTrees | None = None
        self._permutation: PermutationShap | None = None
        if not self._target.classes:
            extremes = np.stack(scorer.card.bounds)
            tried = np.where(np.isinf(extremes), np.nan, extremes) if background is None else background[:_TRIED_ROWS]
            self._trees = trees_of(scorer.score, tried)
        if self._trees is not None:
            self.method = "tree_shap"
        elif background is not None:
            self.method = "permutation_shap"
            self._permutation = PermutationShap(scorer.score, background)
        else:
            raise ModelRejectedError(
                "background", "the version cannot be explained, because it has no background rows: train it again"
            )

    def explain(self, matrix: Matrix) -> Iterator[Attribution]:
        """Explain each row of a matrix (n, columns), in order."""
        if self._trees is not None:
            for first in range(0, len(matrix), TREE_ROWS):
                yield from self._by_trees(self._trees, matrix[first : first + TREE_ROWS])
        elif self._permutation is not None:
            for row in matrix:
                yield self._by_permutation(self._permutation, row)

    def _by_trees(self, trees: ExplainableTrees, rows: Matrix) -> Iterator[Attribution]:
        found = trees.contributions(rows)[:, 0]
        for value, (*contributions, base) in zip(self._score(rows).tolist(), found, strict=True):
            yield Attribution(value, value, self._target.unit, float(base), np.array(contributions))

    def _by_permutation(self, permutation: PermutationShap, row: Matrix) -> Attribution:
        contributions, value = permutation.contributions(row)
        if not self._target.classes:
            number = float(value)
            return Attribution(number, number, self._target.unit, float(permutation.base), contributions)
        winner = int(winners_of(value[np.newaxis], self._target.classes, self._threshold)[0])
        name = self._target.classes[winner]
        unit, base = f"probability of {name}", float(permutation.base[winner])
        return Attribution(name, float(value[winner]), unit, base, contributions[:, winner])


def load_explainer(folder: Path, domain: Domain) -> ModelExplainer:
    """The explainer of a stored model whose digest has been checked.

    Raises:
        ModelRejectedError: as `registry.loading.load_to_serve`, or ("background") no method fits it.
        RegistryUnavailableError: it cannot be loaded now.
    """
    return ModelExplainer(load_to_serve(folder, domain), read_background(folder), domain)
