"""SHAP values of a model's trees, for a sample of rows. They cost milliseconds a row, so only reports ask for them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.data.tables import Table

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SAMPLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Explanation:
    """What columns add to predictions.

    Attributes:
        values: contributions (n, columns), or (n, columns, classes).
        rows: what the trees were given (n, columns).
        names: of the columns.
        part: the estimator that was explained.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.float64]
    names: list[str]
    part: str


def explain(pipeline: Pipeline, table: Table, seed: int) -> Explanation | None:
    """SHAP values (Lundberg and others 2020, "From local explanations to global understanding with explainable AI").

    Args:
        pipeline: fitted.
        table: of which at most 200 rows are explained.
        seed: of the sample.

    Returns:
        None where shap is not installed, or the model has no trees that it understands.
    """
    trees = _trees_of(pipeline[-1])
    if trees is None:
        return None
    try:
        with warnings.catch_warnings():
            # about matplotlib's coming versions, when it is imported
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            from shap import TreeExplainer  # type: ignore[import-untyped]
    except ImportError:  # no build for this machine
        return None
    picked = np.sort(np.random.default_rng(seed).permutation(len(table))[:SAMPLE_ROWS])
    rows = np.asarray(pipeline[:-1].transform(table.frame.iloc[picked]), dtype=np.float64)
    values = np.asarray(TreeExplainer(trees).shap_values(rows, check_additivity=False), dtype=np.float64)
    return Explanation(values, rows, _names(table, rows.shape[1]), type(trees).__name__)


def _trees_of(estimator: Any) -> Any:
    """The first estimator with trees inside what a pipeline ends with; None where there is none."""
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from xgboost import XGBModel

    forests = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
    boosted = (GradientBoostingRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor, XGBModel)
    if isinstance(estimator, forests + boosted):
        return estimator
    # a vote or blend has voices, an estimator around another has that one
    inside = [*getattr(estimator, "estimators_", ()), *filter(None, [getattr(estimator, "regressor_", None)])]
    return next((found for one in inside if (found := _trees_of(one)) is not None), None)


def _names(table: Table, width: int) -> list[str]:
    """Names of what the trees were given: raw columns and derived ones behind them, unless a step made others."""
    names = [*table.domain.columns, *(one.name for one in table.domain.derived)]
    return names if len(names) == width else [f"column {number}" for number in range(width)]
