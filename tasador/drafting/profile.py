"""Profiles the columns of a table, chunk by chunk as they are read.

Columns of numbers are profiled at once where every cell of a chunk is written plainly, so a million rows take seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError
from tables.cells import is_gap, text_of
from tables.columns import ColumnKind
from tables.options import Decimal, TableOptions
from tables.plain_numbers import plain_numbers
from tables.rows import TableChunk, TableFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        distinct: distinct values as text, at most `MAX_DISTINCT` + 1, with the number of their rows as long as there
            are no more.
    """

    def __init__(self, name: str, decimal: Decimal | None = None) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.low: float | None = None
        self.high: float | None = None
        self.texts: dict[str, None] = {}
        self.distinct: dict[str, int] = {}
        self._decimal = decimal
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

    def add(self, cells: Sequence[Any], where: Sequence[str]) -> None:
        """Add some cells, and the rows that they are from."""
        self.rows += len(cells)
        kinds = set(map(type, cells)) - {type(None)}
        if len(self.distinct) > MAX_DISTINCT and (numbers := self._plain(cells, kinds)) is not None:
            self.missing += len(cells) - len(numbers)
            self._add_numbers(numbers)
        elif kinds <= {str}:
            places = dict(zip(reversed(cells), reversed(where), strict=True))
            for cell, times in Counter(cells).items():
                self._add(cell, times, places[cell])
        else:
            for cell, place in zip(cells, where, strict=True):
                self._add(cell, 1, place)

    def _plain(self, cells: Sequence[Any], kinds: set[type]) -> NDArray[np.float64] | None:
        """The numbers in cells that are plainly written numbers or gaps, without the gaps; else None."""
        import numpy as np
        import pyarrow as pa

        if kinds <= {str} and self._decimal != ",":
            numbers = plain_numbers(pa.array(cells, pa.string()))
        elif kinds <= {int, float}:
            numbers = plain_numbers(pa.array([None if cell is None else float(cell) for cell in cells], pa.float64()))
        else:
            return None
        if numbers is None:
            return None
        self._has_point = self._has_point or any(_has_point(cell) for cell in set(cells) if not is_gap(cell))
        return numbers[~np.isnan(numbers)]

    def _add(self, cell: Any, times: int, where: str) -> None:
        """Add a cell of so many rows, of which `where` names the first."""
        if is_gap(cell):
            self.missing += times
            return
        text = text_of(cell)
        if text in self.distinct or len(self.distinct) <= MAX_DISTINCT:
            self.distinct[text] = self.distinct.get(text, 0) + times
        number = self._kind.number(cell, where)
        if number is None:
            if len(self.texts) <= MAX_TEXTS:
                self.texts[text] = None
            return
        if math.isinf(number):
            self._infinite = self._infinite or where
            return
        self._has_point = self._has_point or _has_point(cell)
        self._merge(number, number, times, number, 0.0, is_whole=number.is_integer())

    def _add_numbers(self, numbers: NDArray[np.float64]) -> None:
        import numpy as np

        if not len(numbers):
            return
        mean = float(numbers.mean())
        squares = float(np.sum((numbers - mean) ** 2))
        is_whole = bool(np.all(numbers == np.floor(numbers)))
        self._merge(float(numbers.min()), float(numbers.max()), len(numbers), mean, squares, is_whole=is_whole)

    def _merge(self, low: float, high: float, count: int, mean: float, squares: float, *, is_whole: bool) -> None:
        """Add so many numbers with this mean and these squared distances from it.

        The sums are merged as Chan, Golub and LeVeque (1983) do, "Algorithms for computing the sample variance", which
        keeps their digits however far the numbers are from 0.
        """
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)
        self._is_whole = self._is_whole and is_whole
        before = self._numbers
        self._numbers += count
        distance = mean - self._mean
        self._mean += distance * count / self._numbers
        self._squares += squares + distance**2 * before * count / self._numbers

    def check(self) -> None:
        """Check the column after its last row.

        Raises:
            DataError: a number in a column of numbers is infinite, or depends on the decimal separator.
        """
        self._kind.check()
        if self._infinite and not self.texts:
            raise DataError(f"{self._infinite}, column {self.name!r}: the number is infinite")


class TableProfile:
    """The profile of a table whose chunks pass by.

    Args:
        path: of the file, for messages.
        table: the file.
        options: the decimal separator.
    """

    def __init__(self, path: Path, table: TableFile, options: TableOptions) -> None:
        self._path = path
        self._table = table
        self._decimal = options.decimal
        self._columns = {name: ColumnProfile(name, options.decimal) for name in table.columns or ()}
        self._rows = 0

    def watch(self) -> Iterator[TableChunk]:
        """The chunks of the table, each once it is profiled."""
        for chunk in self._table.chunks():
            count = len(chunk.where)
            for name in [name for name in chunk.cells if name not in self._columns]:
                self._columns[name] = ColumnProfile(name, self._decimal)
                self._columns[name].rows = self._columns[name].missing = self._rows
            for name, column in self._columns.items():
                column.add(chunk.cells.get(name) or [None] * count, chunk.where)
            self._rows += count
            yield chunk

    def columns(self) -> list[ColumnProfile]:
        """The profile of each column, in the order of the columns, once all chunks have passed.

        Raises:
            DataError: a column has no name, or a number in it is infinite or depends on the decimal separator.
        """
        if any(not name.strip() for name in self._columns):
            raise DataError(f"{self._path}: a column has no name")
        for column in self._columns.values():
            column.check()
        return list(self._columns.values())


def _has_point(cell: Any) -> bool:
    """Whether a number is written in another way than with digits alone, such as 12.0."""
    return isinstance(cell, float) or not str(cell).strip().lstrip("+-").isdigit()
