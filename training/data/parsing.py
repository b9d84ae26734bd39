"""Parses cells as the domain declares them: as numbers, or as text.

These are numbers: ``12.5``, ``-3``, ``+3``, ``.5``, ``1e3``, with blanks around them, and ``1,234.5`` or ``1,234,567``
with a comma before every third digit. ``1,234`` and ``12,5`` are not, because their meaning depends on the country.
Nor are ``true``, ``inf`` and ``12 %``.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+|\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,})(?:[eE][+-]?\d+)?")


def read_number(value: Any) -> float | None:
    """Read the number in a cell; None if it is not a number. Only numbers such as ``1e999`` are infinite."""
    if isinstance(value, str):
        text = value.strip()
        # \d and float() accept the digits of every script
        return float(text.replace(",", "")) if text.isascii() and NUMBER.fullmatch(text) else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | Decimal | np.number):
        return None
    return float(value)


def read_column(column: pd.Series[Any], *, is_text: bool) -> pd.Series[Any]:
    """Parse a column.

    Args:
        column: as it was read.
        is_text: whether it holds categories or class names, which only lose surrounding blanks.

    Returns:
        float64 with NaN for gaps, if every cell is a number or missing. Otherwise objects: floats, None for gaps, and
        unreadable cells unchanged.
    """
    if is_text:
        return column.map(lambda value: value.strip() if isinstance(value, str) else value).astype(object)
    if column.dtype.kind in "fiu":
        return column.astype(np.float64)
    cells = column.astype(object).to_numpy()
    numbers = [None if is_gap(cell) else read_number(cell) for cell in cells]
    unreadable = [number is None and not is_gap(cell) for cell, number in zip(cells, numbers, strict=True)]
    if not any(unreadable):
        return pd.Series(np.array(numbers, dtype=np.float64), index=column.index, name=column.name)
    mixed = [cell if bad else number for cell, number, bad in zip(cells, numbers, unreadable, strict=True)]
    return pd.Series(mixed, index=column.index, name=column.name, dtype=object)


def is_gap(cell: Any) -> bool:
    """Whether a cell is missing."""
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def numbers_in(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The numbers of a column from `read_column`, NaN for all other cells."""
    if column.dtype.kind == "f":
        return column.to_numpy(dtype=np.float64)
    return np.array([cell if type(cell) is float else math.nan for cell in column], dtype=np.float64)
