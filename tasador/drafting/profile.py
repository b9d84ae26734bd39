"""What a column of a table is like, gathered row by row in the memory of a few values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from producer.cells import json_value
from producer.tables import open_rows
from schemas.errors import DataError

MAX_TEXTS = 50
"""Different texts up to which a column is a category."""
MAX_DISTINCT = 1000
FEW = 12
"""Whole numbers with so few different values are taken for codes or counts, whose range is known as it stands."""


class ColumnProfile:
    """One column.

    Attributes:
        name: as in the table.
        rows: how many were seen.
        gaps: how many of them were missing.
        low: the smallest number; None where there is none.
        high: the largest number.
        texts: the different values that are no numbers, in the order in which they came, at most one more than
            `MAX_TEXTS`.
        distinct: the different values as text, at most one more than `MAX_DISTINCT`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.gaps = 0
        self.low: float | None = None
        self.high: float | None = None
        self.texts: dict[str, None] = {}
        self.distinct: dict[str, None] = {}
        self._is_whole = True
        self._has_point = False

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are whole; 12.0 counts where gaps may be why it is written so, and among few values."""
        return self._is_whole and (self.gaps > 0 or not self._has_point or len(self.distinct) <= FEW)

    @property
    def is_empty(self) -> bool:
        """Whether nothing but gaps was seen."""
        return self.gaps == self.rows

    def add(self, cell: Any) -> None:
        """Take in one cell."""
        self.rows += 1
        value = json_value(cell.strip() if isinstance(cell, str) else cell)
        if value is None:
            self.gaps += 1
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
    # Python also reads 1_000, infinity and the digits of other scripts
    return number if abs(number) != float("inf") and str(value).isascii() and "_" not in str(value) else None


def profile(path: Path) -> list[ColumnProfile]:
    """What each column of a file is like, in the order of the columns.

    Raises:
        DataError: the file cannot be read, holds no row, or has a column without a name or one that is there twice.
    """
    rows = open_rows(path)
    names = rows.columns or []
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{path}: column {twice[0]!r} is there twice")
    columns = {name: ColumnProfile(name) for name in names}
    count = 0
    for row in rows:
        count += 1
        for name, value in row.values.items():
            if name not in columns:
                columns[name] = ColumnProfile(name)
                columns[name].rows = columns[name].gaps = count - 1
            columns[name].add(value)
        for name in columns.keys() - row.values.keys():
            columns[name].add(None)
    if not count:
        raise DataError(f"{path}: holds no row")
    if unnamed := [name for name in columns if not name.strip()]:
        raise DataError(f"{path}: {len(unnamed)} column has no name; is it the row number that a table was saved with?")
    return list(columns.values())
