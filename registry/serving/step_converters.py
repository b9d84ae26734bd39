"""The converters of fitted transformers to the steps of a formula."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PowerTransformer, StandardScaler

from registry.serving.compiler import NoServingFormError, StepConverter
from registry.serving.formula import Append, FillGaps, Join, MatrixStep, Numbers, OneHot, Standardize, Take, YeoJohnson
from registry.steps.derive import Derive
from registry.steps.keep_by_shap import KeepByShap


@cache
def converters() -> Mapping[type, StepConverter]:
    """Type of transformer -> its converter."""
    return {
        ColumnTransformer: _columns,
        Derive: lambda step: [Append([{int(at): float(power) for at, power in each.items()} for each in step.powers])],
        FunctionTransformer: _unchanged,
        KeepByShap: lambda step: [Take(step.get_support(indices=True).tolist())],
        OneHotEncoder: _one_hot,
        PowerTransformer: _power,
        SimpleImputer: _fill,
        StandardScaler: _standardize,
    }


def _columns(step: ColumnTransformer) -> list[MatrixStep]:
    width = step.n_features_in_
    parts: list[tuple[list[int], list[MatrixStep]]] = []
    for _, transformer, columns in step.transformers_:
        if transformer == "drop":
            continue
        if np.ndim(columns) == 0 and not isinstance(columns, slice):
            raise NoServingFormError("a ColumnTransformer of a column as a vector has no serving form")
        if convert := converters().get(type(transformer)):
            parts.append((np.arange(width)[columns].tolist(), convert(transformer)))
        else:
            raise NoServingFormError(f"{type(transformer).__name__} has no serving form")
    order = [column for columns, _ in parts for column in columns]
    fills = [steps[0].values.array() for _, steps in parts if len(steps) == 1 and isinstance(steps[0], FillGaps)]
    if order == list(range(width)) and len(fills) == len(parts):
        return [FillGaps(Numbers.of(np.concatenate(fills)))]
    return [Join([[Take(columns), *steps] for columns, steps in parts if columns])]


def _unchanged(step: FunctionTransformer) -> list[MatrixStep]:
    if step.func is not None:
        raise NoServingFormError("a FunctionTransformer with a function has no serving form")
    return []


def _fill(step: SimpleImputer) -> list[MatrixStep]:
    values = np.asarray(step.statistics_, dtype=np.float64)
    if step.add_indicator or not np.isnan(step.missing_values) or np.isnan(values).any():
        raise NoServingFormError("a SimpleImputer that marks or drops columns has no serving form")
    return [FillGaps(Numbers.of(values))]


def _standardize(step: StandardScaler) -> list[MatrixStep]:
    width = step.n_features_in_
    mean = step.mean_ if step.with_mean else np.zeros(width)
    scale = step.scale_ if step.with_std else np.ones(width)
    return [Standardize(Numbers.of(mean), Numbers.of(scale))]


def _power(step: PowerTransformer) -> list[MatrixStep]:
    if step.method != "yeo-johnson":
        raise NoServingFormError(f"a PowerTransformer with {step.method} has no serving form")
    return [YeoJohnson(Numbers.of(step.lambdas_)), *(_standardize(step._scaler) if step.standardize else [])]


def _one_hot(step: OneHotEncoder) -> list[MatrixStep]:
    if step.drop_idx_ is not None or step.min_frequency is not None or step.max_categories is not None:
        raise NoServingFormError("a OneHotEncoder that drops or joins categories has no serving form")
    return [OneHot([Numbers.of(categories) for categories in step.categories_])]
