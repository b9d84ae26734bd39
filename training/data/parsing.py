"""Cells as they came, read as what the domain says they are: numbers, or text.

These spellings are numbers: ``12.5``, ``-3``, ``+3``, ``.5``, ``1e3``, with blanks around them, and ``1,234.5`` or
``1,234,567`` with a comma before every third digit. ``1,234`` and ``12,5`` are not: half the world reads them otherwise
than the other half. Nor are ``true``, ``inf`` and ``12 %``.
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
    """The number that a cell holds; None where it holds none. Infinity comes of ``1e999`` alone."""
    if isinstance(value, str):
        text = value.strip()
        # \d would take the digits of every script, and so would float()
        return float(text.replace(",", "")) if text.isascii() and NUMBER.fullmatch(text) else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | Decimal | np.number):
        return None
    return float(value)


def read_column(column: pd.Series[Any], *, is_text: bool) -> pd.Series[Any]:
    """A column with what its cells mean.

    Args:
        column: as it came.
        is_text: whether it holds categories or class names, from which only the blanks around them are taken.

    Returns:
        float64 with NaN for gaps where every cell is a number or missing; else objects: floats, None for gaps, and as
        they came the cells that could not be read.
    """
    if is_text:
        return column.map(lambda value: value.strip() if isinstance(value, str) else value).astype(object)
    if column.dtype.kind in "fiu":
        return column.astype(np.float64)
    cells = column.astype(object).to_numpy()
    numbers = [None if is_gap(cell) else read_number(cell) for cell in cells]
    unread = [number is None and not is_gap(cell) for cell, number in zip(cells, numbers, strict=True)]
    if not any(unread):
        return pd.Series(np.array(numbers, dtype=np.float64), index=column.index, name=column.name)
    mixed = [cell if bad else number for cell, number, bad in zip(cells, numbers, unread, strict=True)]
    return pd.Series(mixed, index=column.index, name=column.name, dtype=object)


def is_gap(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def numbers_in(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The numbers of a column that `read_column` gave, NaN for everything else."""
    if column.dtype.kind == "f":
        return column.to_numpy(dtype=np.float64)
    return np.array([cell if type(cell) is float else math.nan for cell in column], dtype=np.float64)
