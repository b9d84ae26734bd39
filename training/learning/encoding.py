"""The first steps of every model: from the domain's raw columns to a matrix without gaps.

`encode` gives the matrix that `schemas.rows` builds from listings (a test holds them together); `fill` puts into each
gap what the domain declares. Both work on runs of neighbouring columns, which keeps the order of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PowerTransformer, StandardScaler

from schemas.domain import Domain
from schemas.features import Feature

Scaling = Literal["standard", "power"]
_SCALERS = {"standard": StandardScaler, "power": PowerTransformer}


def encoder(domain: Domain) -> ColumnTransformer:
    """From a table of raw columns, in any order, to a float matrix (n, columns) with NaN for gaps."""
    runs = _runs(domain, lambda feature: bool(feature.categories))
    return ColumnTransformer(
        [
            (name, _codes(features) if codes else "passthrough", [f.column for f in features])
            for name, codes, features in runs
        ]
    )


def filler(domain: Domain) -> ColumnTransformer:
    """Fills the gaps of a matrix as each feature's `fill` says, with what it learns in `fit`."""
    runs = _runs(domain, lambda feature: feature.fill)
    return ColumnTransformer(
        [
            # a column without a single value must not vanish, or the next ones would move
            (name, SimpleImputer(strategy=fill, keep_empty_features=True), _positions(domain, features))
            for name, fill, features in runs
        ]
    )


def scaler(domain: Domain, scaling: Scaling = "standard") -> ColumnTransformer:
    """What an estimator that adds up columns needs: numbers scaled, each category a column of its own.

    It takes the domain's columns and, behind them, the derived ones.

    Args:
        domain: whose columns.
        scaling: numbers to mean 0 and spread 1, as they are or bent to be as normal as can be (Yeo and Johnson 2000).
    """
    runs = _runs(domain, lambda feature: bool(feature.categories))
    width = len(domain.columns)
    derived = [("derived", _SCALERS[scaling](), list(range(width, width + len(domain.derived))))]
    return ColumnTransformer(
        [
            *(
                (name, _indicators(features) if codes else _SCALERS[scaling](), _positions(domain, features))
                for name, codes, features in runs
            ),
            *(derived if domain.derived else []),
        ]
    )


def _runs(domain: Domain, key: Callable[[Feature], Any]) -> list[tuple[str, Any, Sequence[Feature]]]:
    """Neighbouring features with the same key: a name, the key, the features."""
    groups = [(value, list(features)) for value, features in groupby(domain.features, key)]
    return [(f"{features[0].column}..{features[-1].column}", value, features) for value, features in groups]


def _positions(domain: Domain, features: Sequence[Feature]) -> list[int]:
    return [domain.columns.index(feature.column) for feature in features]


def _codes(features: Sequence[Feature]) -> OrdinalEncoder:
    # NaN stands among the categories so that a gap stays one; an undeclared value is an error
    categories = [np.array([*feature.categories, np.nan], dtype=object) for feature in features]
    return OrdinalEncoder(categories=categories, encoded_missing_value=np.nan)


def _indicators(features: Sequence[Feature]) -> OneHotEncoder:
    codes = [np.arange(len(feature.categories), dtype=np.float64) for feature in features]
    return OneHotEncoder(categories=codes, sparse_output=False)
