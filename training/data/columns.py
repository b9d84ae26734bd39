"""Reads the columns of a raw table as the domain declares them: as numbers, or as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from schemas.domain import Domain
from schemas.errors import DataError
from tables.options import Decimal
from tables.plain_numbers import plain_numbers
from tables.values import CellReader, UndecidedCellError, category_reader, number_reader

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """Reads the cells of one column as the domain declares them.

    Attributes:
        read_cell: reads one cell.
        is_plain: whether the column holds numbers with a decimal point, of which most can be read at once.
    """

    read_cell: CellReader
    is_plain: bool = False

    def read(self, column: pd.Series[Any], source: str) -> pd.Series[Any]:
        """Read a column.

        Args:
            column: as it was read from the file.
            source: of the table, for messages.

        Returns:
            float64 with NaN for gaps, if every cell is a number or missing. Otherwise objects: floats or text, None for
            gaps, and unreadable cells as text.

        Raises:
            DataError: a number depends on the decimal separator; the message names row and column.
        """
        numbers = plain_numbers_in(column) if self.is_plain else None
        if numbers is not None:
            return pd.Series(numbers, index=column.index, name=column.name)
        values: list[Any] = []
        try:
            values.extend(map(self.read_cell, column.tolist()))
        except UndecidedCellError as error:
            raise DataError(f"{source} row {len(values) + 1}, {error}") from error
        if all(type(value) is float or value is None for value in values):
            return pd.Series(np.array(values, dtype=np.float64), index=column.index, name=column.name)
        return pd.Series(values, index=column.index, name=column.name, dtype=object)


def column_readers(domain: Domain, decimal: Decimal | None) -> dict[str, ColumnReader]:
    """The readers of a domain's columns and its target, by name."""
    declared = {feature.column: feature.categories for feature in domain.features}
    declared[domain.target.name] = domain.target.classes
    return {name: column_reader(name, texts, decimal) for name, texts in declared.items()}


def column_reader(name: str, texts: Sequence[str] = (), decimal: Decimal | None = None) -> ColumnReader:
    """The reader of a column of numbers, or of some texts."""
    if texts:
        return ColumnReader(category_reader(texts))
    return ColumnReader(number_reader(name, decimal), is_plain=decimal != ",")


def plain_numbers_in(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """The numbers of a column of text or doubles with NaN for gaps, if it is as `plain_numbers` can read it."""
    if not isinstance(column.dtype, pd.StringDtype) and column.dtype != np.float64:
        return None
    import pyarrow as pa

    return plain_numbers(pa.array(column))


def numbers_in(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The numbers of a column from `read_column`, NaN for all other cells."""
    if column.dtype.kind == "f":
        return column.to_numpy(dtype=np.float64)
    return np.array([cell if type(cell) is float else math.nan for cell in column], dtype=np.float64)
