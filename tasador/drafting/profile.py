"""Profiles the columns of a table row by row, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from producer.cells import json_value
from producer.tables import open_rows
from schemas.errors import DataError

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
        distinct: distinct values as text, at most `MAX_DISTINCT` + 1.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.low: float | None = None
        self.high: float | None = None
        self.texts: dict[str, None] = {}
        self.distinct: dict[str, None] = {}
        self._is_whole = True
        self._has_point = False

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are whole; 12.0 counts if values are missing (a float column) or few are distinct."""
        return self._is_whole and (self.missing > 0 or not self._has_point or len(self.distinct) <= MAX_CODES)

    @property
    def is_empty(self) -> bool:
        """Whether all values are missing."""
        return self.missing == self.rows

    def add(self, cell: Any) -> None:
        """Add one cell."""
        self.rows += 1
        value = json_value(cell.strip() if isinstance(cell, str) else cell)
        if value is None:
            self.missing += 1
            return
        if len(self.distinct) <= MAX_DISTINCT:
            self.distinct[str(value)] = None
        number = _number(value)
        if number is None:
            if len(self.texts) <= MAX_TEXTS:
                self.texts[str(value)] = None
            return
        self.low = number if self.low is None else min(self.low, number)
        self.high = number if self.high is None else max(self.high, number)
        self._is_whole = self._is_whole and number.is_integer()
        self._has_point = self._has_point or isinstance(value, float) or not str(value).lstrip("+-").isdigit()


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    # float() also accepts 1_000, infinity and digits of other scripts
    return number if abs(number) != float("inf") and str(value).isascii() and "_" not in str(value) else None


def profile(path: Path) -> list[ColumnProfile]:
    """Profile each column of a file, in the order of the columns.

    Raises:
        DataError: the file cannot be read, has no rows, or has a column without a name or with a duplicate name.
    """
    rows = open_rows(path)
    names = rows.columns or []
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{path}: column {twice[0]!r} appears twice")
    columns = {name: ColumnProfile(name) for name in names}
    count = 0
    for row in rows:
        count += 1
        for name, value in row.values.items():
            if name not in columns:
                columns[name] = ColumnProfile(name)
                columns[name].rows = columns[name].missing = count - 1
            columns[name].add(value)
        for name in columns.keys() - row.values.keys():
            columns[name].add(None)
    if not count:
        raise DataError(f"{path}: has no rows")
    if unnamed := [name for name in columns if not name.strip()]:
        raise DataError(f"{path}: {len(unnamed)} column has no name; is it a row number?")
    return list(columns.values())
