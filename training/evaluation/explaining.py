"""SHAP values of a model's trees, for a sample of rows. They cost milliseconds a row, so only reports use them."""

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
    """Contributions of columns to predictions.

    Attributes:
        values: contributions (n, columns), or (n, columns, classes).
        rows: input of the trees (n, columns).
        names: of the columns.
        estimator: class name of the explained estimator.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.float64]
    names: list[str]
    estimator: str


def explain(pipeline: Pipeline, table: Table, seed: int) -> Explanation | None:
    """SHAP values (Lundberg and others 2020, "From local explanations to global understanding with explainable AI").

    Args:
        pipeline: fitted.
        table: at most 200 of its rows are explained.
        seed: of the sample.

    Returns:
        None if shap is not installed, or does not support the model.
    """
    trees = _trees_of(pipeline[-1])
    if trees is None:
        return None
    try:
        with warnings.catch_warnings():
            # importing shap warns about future versions of matplotlib
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            from shap import TreeExplainer  # type: ignore[import-untyped]
    except ImportError:  # shap has no build for this machine
        return None
    sample = np.sort(np.random.default_rng(seed).permutation(len(table))[:SAMPLE_ROWS])
    rows = np.asarray(pipeline[:-1].transform(table.frame.iloc[sample]), dtype=np.float64)
    values = np.asarray(TreeExplainer(trees).shap_values(rows, check_additivity=False), dtype=np.float64)
    return Explanation(values, rows, _names(table, rows.shape[1]), type(trees).__name__)


def _trees_of(estimator: Any) -> Any:
    """The first estimator with trees in the last step of a pipeline; None if it has none."""
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
    # a voting estimator has members; an estimator on the log scale wraps a regressor
    inner = [*getattr(estimator, "estimators_", ()), *filter(None, [getattr(estimator, "regressor_", None)])]
    return next((trees for each in inner if (trees := _trees_of(each)) is not None), None)


def _names(table: Table, width: int) -> list[str]:
    """Names of the trees' input: raw columns, then derived ones; numbers if a step has changed the columns."""
    names = [*table.domain.columns, *(each.name for each in table.domain.derived)]
    return names if len(names) == width else [f"column {number}" for number in range(width)]
