"""Profiles the columns of a table row by row, in bounded memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from schemas.errors import DataError
from tables.cells import is_gap, text_of
from tables.columns import ColumnKind
from tables.opening import open_table
from tables.options import DEFAULT_OPTIONS, Decimal, TableOptions

MAX_TEXTS = 50
"""Largest number of distinct texts in a category."""
MAX_DISTINCT = 1000
MAX_CODES = 12
"""Whole numbers with at most this many distinct values count as codes, whose range is not widened."""


class ColumnProfile:
    """One column.

    Attributes:
        name: as in the table.
        rows: number of rows.
        missing: number of rows without a value.
        low: smallest number; None if there is none.
        high: largest number; None if there is none.
        texts: distinct values that are not numbers, in order of appearance, at most `MAX_TEXTS` + 1.
        distinct: distinct values as text, at most `MAX_DISTINCT` + 1, with the number of their rows.
    """

    def __init__(self, name: str, decimal: Decimal | None = None) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.low: float | None = None
        self.high: float | None = None
        self.texts: dict[str, None] = {}
        self.distinct: dict[str, int] = {}
        self._kind = ColumnKind(name, decimal)
        self._numbers = 0
        self._mean = 0.0
        self._squares = 0.0
        self._is_whole = True
        self._has_point = False
        self._infinite: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are whole; 12.0 counts if values are missing (a float column) or few are distinct."""
        return self._is_whole and (self.missing > 0 or not self._has_point or len(self.distinct) <= MAX_CODES)

    @property
    def sd(self) -> float:
        """The standard deviation of the numbers; 0 if there are none."""
        return math.sqrt(self._squares / self._numbers) if self._numbers else 0.0

    @property
    def is_empty(self) -> bool:
        """Whether all values are missing."""
        return self.missing == self.rows

    def add(self, cell: Any, where: str) -> None:
        """Add one cell, of the row that `where` names."""
        self.rows += 1
        if is_gap(cell):
            self.missing += 1
            return
        text = text_of(cell)
        if text in self.distinct or len(self.distinct) <= MAX_DISTINCT:
            self.distinct[text] = self.distinct.get(text, 0) + 1
        number = self._kind.number(cell, where)
        if number is None:
            if len(self.texts) <= MAX_TEXTS:
                self.texts[text] = None
            return
        if math.isinf(number):
            self._infinite = self._infinite or where
            return
        self.low = number if self.low is None else min(self.low, number)
        self.high = number if self.high is None else max(self.high, number)
        self._is_whole = self._is_whole and number.is_integer()
        # Welford's way, which keeps its digits however far the numbers are from 0
        self._numbers += 1
        distance = number - self._mean
        self._mean += distance / self._numbers
        self._squares += distance * (number - self._mean)
        self._has_point = self._has_point or isinstance(cell, float) or not str(cell).strip().lstrip("+-").isdigit()

    def check(self) -> None:
        """Check the column after its last row.

        Raises:
            DataError: a number in a column of numbers is infinite, or depends on the decimal separator.
        """
        self._kind.check()
        if self._infinite and not self.texts:
            raise DataError(f"{self._infinite}, column {self.name!r}: the number is infinite")


def profile(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> list[ColumnProfile]:
    """Profile each column of a file, in the order of the columns.

    Args:
        path: of the file.
        options: columns to rename and to skip, and the decimal separator.

    Raises:
        DataError: the file cannot be read, has no rows, or has a column without a name or with a duplicate name; or
            a number depends on the decimal separator.
    """
    rows = open_table(path, options)
    columns = {name: ColumnProfile(name, options.decimal) for name in rows.columns or ()}
    count = 0
    for row in rows:
        count += 1
        for name, value in row.cells.items():
            if name not in columns:
                columns[name] = ColumnProfile(name, options.decimal)
                columns[name].rows = columns[name].missing = count - 1
            columns[name].add(value, row.where)
        if len(columns) > len(row.cells):
            for name in columns.keys() - row.cells.keys():
                columns[name].add(None, row.where)
    if not count:
        raise DataError(f"{path}: has no rows")
    if any(not name.strip() for name in columns):
        raise DataError(f"{path}: a column has no name")
    for column in columns.values():
        column.check()
    return list(columns.values())
