"""The pipeline step that gives the numbers of a table the precision that they have when a listing is scored."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from schemas.rows import round_to_float32


class Float32Rounder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rounds numbers to 32 bits, as `schemas.rows` does; gaps stay gaps."""

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learns only the columns."""
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """From numbers (n, columns) to the same in 32 bits.

        Raises:
            ValueError: a value is not a number.
        """
        check_is_fitted(self, "n_features_in_")
        X = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        return round_to_float32(X)
