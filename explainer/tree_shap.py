"""SHAP values of a single booster whose output is the prediction in its unit, by XGBoost's own TreeSHAP."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from registry.booster import BoosterError, Score
from schemas.rows import Matrix

ADDITIVE_TO = 1e-4
"""How far the sum may be from the prediction, relative to the largest prediction: the library adds in 32 bits."""


@runtime_checkable
class ExplainableTrees(Protocol):
    """A score that knows the contributions of columns to its output."""

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predictions (n,)."""

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """Of n rows, (n, groups, columns + 1): the bias is last."""


def trees_of(score: Score, rows: Matrix) -> ExplainableTrees | None:
    """The score as trees that TreeSHAP explains in the unit of the prediction; None if it cannot.

    A booster adds up numbers, from which its objective may compute the prediction, such as a probability. Whether the
    sum is the prediction itself is tried on some rows.

    Args:
        score: of a model with numbers as predictions.
        rows: to try it on (n, columns).
    """
    if not isinstance(score, ExplainableTrees):
        return None
    try:
        found = score.contributions(rows)
    except BoosterError:
        return None
    predictions = score(rows)
    if found.shape[1] != 1 or predictions.ndim != 1:
        return None
    allowed = ADDITIVE_TO * max(float(np.max(np.abs(predictions))), np.finfo(float).tiny)
    is_additive = np.max(np.abs(found.sum(axis=(1, 2)) - predictions)) <= allowed
    return score if is_additive else None
