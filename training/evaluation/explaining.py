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
    sample = np.sort(np.random.default_rng(seed).permutation(len(table))[:SAMPLE_ROWS])
    first = np.asarray(pipeline[:1].transform(table.frame.iloc[sample]), dtype=np.float64)
    found = _find_trees(pipeline[1:], first)
    if found is None:
        return None
    trees, rows = found
    values = _own_contributions(trees, rows) if hasattr(trees, "booster_") else _shap_values(trees, rows)
    return None if values is None else Explanation(values, rows, _names(table, rows.shape[1]), type(trees).__name__)


def _own_contributions(trees: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """XGBoost's own contributions, which are SHAP values: (n, columns), or (n, columns, classes)."""
    shares = np.asarray(trees.booster_.predict(trees.binned(rows), pred_contribs=True), dtype=np.float64)
    return shares[:, :-1] if shares.ndim == 2 else shares[..., :-1].transpose(0, 2, 1)  # noqa: PLR2004 - one sum a row


def _shap_values(trees: Any, rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    try:
        with warnings.catch_warnings():
            # importing shap warns about future versions of matplotlib
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            from shap import TreeExplainer  # type: ignore[import-untyped]
    except ImportError:  # shap has no build for this machine
        return None
    return np.asarray(TreeExplainer(trees).shap_values(rows, check_additivity=False), dtype=np.float64)


def _find_trees(estimator: Any, rows: NDArray[np.float64]) -> tuple[Any, NDArray[np.float64]] | None:
    """The first estimator with trees in a fitted one, and its input for some rows; None if it has none."""
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        ExtraTreesRegressor,
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.pipeline import Pipeline
    from xgboost import XGBModel

    forests = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
    boosted = (GradientBoostingRegressor, HistGradientBoostingClassifier, HistGradientBoostingRegressor, XGBModel)
    if isinstance(estimator, forests + boosted) or hasattr(estimator, "booster_"):
        return estimator, rows
    if isinstance(estimator, Pipeline):
        before = estimator[:-1]
        return _find_trees(estimator[-1], np.asarray(before.transform(rows)) if len(before) else rows)
    # a voting estimator has members; a target transformer or a sharpener wraps one
    wrapped = [getattr(estimator, name, None) for name in ("regressor_", "estimator_")]
    inner = [*getattr(estimator, "estimators_", ()), *(each for each in wrapped if each is not None)]
    return next((found for each in inner if (found := _find_trees(each, rows)) is not None), None)


def _names(table: Table, width: int) -> list[str]:
    """Names of the trees' input: raw columns, then derived ones; numbers if a step has changed the columns."""
    names = [*table.domain.columns, *(each.name for each in table.domain.derived)]
    return names if len(names) == width else [f"column {number}" for number in range(width)]
