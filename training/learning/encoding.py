"""The first steps of every model, which turn the domain's raw columns into a matrix without gaps.

`encoder` builds the same matrix that `schemas.rows` builds from listings, which a test verifies; `filler` fills gaps as
the domain declares. Both work on runs of adjacent columns, which keeps the order of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby
from typing import Any, Literal

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PowerTransformer, StandardScaler

from registry.steps.derive import Derive
from registry.steps.rounding import Float32Rounder
from schemas.domain import Domain
from schemas.features import Feature

Scaling = Literal["standard", "power"]
_SCALERS = {"standard": StandardScaler, "power": PowerTransformer}


def encoder(domain: Domain) -> ColumnTransformer:
    """Turns a table of raw columns, in any order, into a matrix (n, columns) of 32 bits' precision, NaN for gaps."""
    runs = _runs(domain, lambda feature: bool(feature.categories))
    return ColumnTransformer(
        [
            (name, _codes(features) if codes else Float32Rounder(), [f.column for f in features])
            for name, codes, features in runs
        ]
    )


def filler(domain: Domain) -> ColumnTransformer:
    """Fills the gaps of a matrix by each feature's `fill` strategy, with values learned in `fit`."""
    runs = _runs(domain, lambda feature: feature.fill)
    return ColumnTransformer(
        [
            # a column without values is kept, so that the next columns keep their positions
            (name, SimpleImputer(strategy=fill, keep_empty_features=True), _positions(domain, features))
            for name, fill, features in runs
        ]
    )


def derive(domain: Domain) -> Derive | None:
    """Appends the domain's derived columns to a matrix; None if it declares none."""
    index = domain.columns.index
    positions = [{index(column): power for column, power in each.powers.items()} for each in domain.derived]
    return Derive(positions) if positions else None


def scaler(domain: Domain, scaling: Scaling = "standard") -> ColumnTransformer:
    """Scales numbers, and turns each category into a column of its own, for linear models and kernels.

    Its input has the domain's columns, followed by the derived ones.

    Args:
        domain: of the columns.
        scaling: to mean 0 and standard deviation 1; with `power`, after the transformation of Yeo and Johnson (2000),
            which makes numbers as normal as possible.
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
    """Adjacent features with the same key: a name, the key, the features.

    The name is that of their positions, because scikit-learn refuses some names of columns as names of steps.
    """
    groups = [(value, list(features)) for value, features in groupby(domain.features, key)]
    ends = accumulate(len(features) for _, features in groups)
    return [
        (f"{end - len(features)}..{end - 1}", value, features)
        for end, (value, features) in zip(ends, groups, strict=True)
    ]


def _positions(domain: Domain, features: Sequence[Feature]) -> list[int]:
    return [domain.columns.index(feature.column) for feature in features]


def _codes(features: Sequence[Feature]) -> OrdinalEncoder:
    # NaN is one of the categories, so that a gap stays a gap; an undeclared value is an error
    categories = [np.array([*feature.categories, np.nan], dtype=object) for feature in features]
    return OrdinalEncoder(categories=categories, encoded_missing_value=np.nan)


def _indicators(features: Sequence[Feature]) -> OneHotEncoder:
    codes = [np.arange(len(feature.categories), dtype=np.float64) for feature in features]
    return OneHotEncoder(categories=codes, sparse_output=False)
