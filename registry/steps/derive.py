"""The pipeline step that appends a domain's derived columns, such as the body-mass index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from schemas.rows import derived_columns


class Derive(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Appends products of powers of columns to a matrix; a product with a gap is a gap.

    Args:
        powers: for each new column, the position of a column -> its exponent.
    """

    def __init__(self, powers: Sequence[Mapping[int, float]] = ()) -> None:
        self.powers = powers

    def fit(self, X: NDArray[np.float64], y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learns only the number of columns."""
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """From a matrix (n, columns) to (n, columns + derived)."""
        check_is_fitted(self, "n_features_in_")
        return np.column_stack([X, derived_columns(X, self.powers)])
