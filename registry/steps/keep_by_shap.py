"""The pipeline step that keeps the most important columns by their SHAP values."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

_TREES = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1, "n_jobs": 1}


class KeepByShap(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Fits a small XGBoost and keeps the columns with the largest mean absolute SHAP value.

    The values are XGBoost's own contributions, those that SHAP's TreeExplainer reports for it (Lundberg and others
    2020, "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence
    2). They are summed over classes.

    Args:
        keep: the number of columns to keep.
        random_state: seed of the small model.
    """

    def __init__(self, keep: int = 10, random_state: int = 0) -> None:
        self.keep = keep
        self.random_state = random_state

    def fit(self, X: NDArray[np.float64], y: NDArray[Any]) -> Self:
        """Choose columns by rows (n, columns) and their targets (n,): numbers, or class names."""
        from xgboost import DMatrix, XGBClassifier, XGBRegressor

        X = validate_data(self, X, dtype=np.float64)
        is_number = np.asarray(y).dtype.kind == "f"
        small = (XGBRegressor if is_number else XGBClassifier)(**_TREES, random_state=self.random_state)
        small.fit(X, y if is_number else np.unique(y, return_inverse=True)[1])
        # (n, columns + 1), or (n, classes, columns + 1); the last is the bias
        shares = small.get_booster().predict(DMatrix(X, nthread=1), pred_contribs=True)[..., :-1]
        self.importance_ = np.abs(shares).reshape(-1, X.shape[1]).mean(axis=0, dtype=np.float64)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self, "importance_")
        mask = np.zeros(len(self.importance_), dtype=bool)
        mask[np.argsort(-self.importance_, kind="stable")[: self.keep]] = True
        return mask
