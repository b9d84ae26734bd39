"""Compares two tables directly, for notebooks and CI, without a domain or a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitoring.drift.columns import Column
from monitoring.drift.report import compare
from schemas.drift import DriftReport, WindowSpan
from schemas.errors import DataError
from schemas.sections import DriftSettings
from tables.cells import text_of

MAX_CATEGORIES = 50
"""Largest number of distinct values with which a column of numbers can be compared with a column of text."""

if TYPE_CHECKING:
    from numpy.typing import NDArray


def drift_report(
    reference: pd.DataFrame, current: pd.DataFrame, *, windows: int = 1, limits: DriftSettings | None = None
) -> DriftReport:
    """Compare the columns of a current table with those of a reference.

    A column's type decides whether it holds numbers or categories: booleans and text are categories, and so are a few
    numbers whose column holds text in the other table. By default the current table is one window. Rows in order of
    time can be cut into several windows, more than half of which must alarm.

    Args:
        reference: the usual rows, (n, columns).
        current: (m, columns); must have every column of the reference, others are ignored.
        windows: number of windows of equal size, the last rows being the newest.
        limits: thresholds; by default those of params.yaml.

    Raises:
        DataError: a table has no rows or columns, a column is missing or stands twice, or it has another kind of
            values.
    """
    limits = (limits or DriftSettings()).model_copy(update={"windows": windows, "needed": windows // 2 + 1})
    names = [*reference.columns[reference.columns.duplicated()], *current.columns[current.columns.duplicated()]]
    if twice := sorted({str(name) for name in names}):
        raise DataError(f"a table has columns twice: {', '.join(twice)}")
    if missing := [str(name) for name in reference.columns if name not in current.columns]:
        raise DataError(f"the current table lacks columns of the reference: {', '.join(missing)}")
    if not len(reference.columns) or not len(reference) or not len(current):
        raise DataError(f"nothing to compare: {len(reference)} and {len(current)} rows")
    pairs = [_pair(str(name), reference[name], current[name]) for name in reference.columns]
    size = -(-len(current) // windows)
    cuts = [slice(max(end - size, 0), end) for end in range(len(current), 0, -size)]
    return compare(
        [old for old, _ in pairs],
        [[new.cut(cut) for _, new in pairs] for cut in cuts],
        [WindowSpan(rows=cut.stop - cut.start) for cut in cuts],
        limits,
        ignored=tuple(str(name) for name in current.columns if name not in reference.columns),
    )


def _pair(name: str, old: pd.Series, new: pd.Series) -> tuple[Column, Column]:
    # an empty column has no kind of its own
    are_numbers = [_is_number(series) for series in (old, new) if series.notna().any()]
    if len(set(are_numbers)) > 1 and not all(_has_few_values(series) for series in (old, new)):
        raise DataError(f"column {name} has numbers in one table and text in the other")
    if all(are_numbers):
        return Column(name, _numbers(name, old)), Column(name, _numbers(name, new))
    categories = sorted({text_of(value) for series in (old, new) for value in series.dropna().unique()})
    return tuple(Column(name, _codes(series, categories), tuple(categories)) for series in (old, new))  # type: ignore[return-value]


def _has_few_values(series: pd.Series) -> bool:
    """Whether a column may hold categories, some of which are written as numbers."""
    return series.nunique() <= MAX_CATEGORIES


def _is_number(series: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def _numbers(name: str, series: pd.Series) -> NDArray[np.float64]:
    values = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(values).any():
        raise DataError(f"column {name} holds infinite values")
    return values


def _codes(series: pd.Series, categories: Sequence[str]) -> NDArray[np.float64]:
    codes = {category: float(code) for code, category in enumerate(categories)}
    positions, values = pd.factorize(series)
    # a missing value has the position -1, which selects the trailing NaN
    return np.array([*(codes[text_of(value)] for value in values), np.nan])[positions]
