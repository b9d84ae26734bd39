"""Reads the columns of a raw table as the domain declares them: as numbers, or as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from schemas.domain import Domain
from schemas.errors import DataError
from tables.options import Decimal
from tables.values import CellReader, UndecidedCellError, category_reader, number_reader

if TYPE_CHECKING:
    from numpy.typing import NDArray


def column_readers(domain: Domain, decimal: Decimal | None) -> dict[str, CellReader]:
    """The readers of a domain's columns and its target, by name."""
    declared = {feature.column: feature.categories for feature in domain.features}
    declared[domain.target.name] = domain.target.classes
    return {name: category_reader(texts) if texts else number_reader(name, decimal) for name, texts in declared.items()}


def read_column(column: pd.Series[Any], read: CellReader, source: str) -> pd.Series[Any]:
    """Read a column.

    Args:
        column: as it was read from the file.
        read: from `column_readers`.
        source: of the table, for messages.

    Returns:
        float64 with NaN for gaps, if every cell is a number or missing. Otherwise objects: floats or text, None for
        gaps, and unreadable cells as text.

    Raises:
        DataError: a number depends on the decimal separator; the message names row and column.
    """
    values: list[Any] = []
    try:
        values.extend(map(read, column.tolist()))
    except UndecidedCellError as error:
        raise DataError(f"{source} row {len(values) + 1}, {error}") from error
    if all(type(value) is float or value is None for value in values):
        return pd.Series(np.array(values, dtype=np.float64), index=column.index, name=column.name)
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def numbers_in(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The numbers of a column from `read_column`, NaN for all other cells."""
    if column.dtype.kind == "f":
        return column.to_numpy(dtype=np.float64)
    return np.array([cell if type(cell) is float else math.nan for cell in column], dtype=np.float64)
