"""The kind of a column that no domain declares: a column of numbers, or of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.errors import DataError
from tables.cells import UndecidedNumberError, is_gap, read_number, text_of
from tables.options import Decimal


class ColumnKind:
    """Decides cell by cell whether a column holds numbers.

    A column holds numbers if each of its cells is a number or a gap. A number whose meaning depends on the decimal
    separator is an error only in a column that otherwise holds numbers; among texts it is a text.

    Args:
        name: of the column.
        decimal: the decimal separator.
    """

    def __init__(self, name: str, decimal: Decimal | None) -> None:
        self.name = name
        self._decimal: Decimal | None = decimal
        self._undecided: tuple[str, UndecidedNumberError] | None = None
        self._has_text = False

    def number(self, cell: Any, where: str) -> float | None:
        """The number of a cell that is not a gap; None if it is text, or undecided.

        Args:
            cell: as it was read.
            where: the row, for messages.
        """
        try:
            number = read_number(cell, self._decimal)
        except UndecidedNumberError as error:
            self._undecided = self._undecided or (where, error)
            return None
        self._has_text = self._has_text or number is None
        return number

    def check(self) -> None:
        """Check the column after its last cell.

        Raises:
            DataError: it holds numbers, of which one is undecided; the message names its row.
        """
        if self._undecided and not self._has_text:
            where, error = self._undecided
            raise DataError(f"{where}, column {self.name!r}: {error}") from error


def read_cells(name: str, cells: Iterable[Any], source: object, decimal: Decimal | None) -> list[Any]:
    """A column's cells as numbers, if all are numbers or gaps, else as text; None for gaps.

    Args:
        name: of the column.
        cells: as they were read.
        source: the file, for messages.
        decimal: the decimal separator.

    Raises:
        DataError: a number depends on the decimal separator; the message names its row.
    """
    kind, numbers, texts = ColumnKind(name, decimal), list[float | None](), list[Any]()
    for row, cell in enumerate(cells, start=1):
        is_missing = is_gap(cell)
        texts.append(None if is_missing else cell)
        numbers.append(None if is_missing else kind.number(cell, f"{source} row {row}"))
    kind.check()
    is_numeric = all(text is None or number is not None for text, number in zip(texts, numbers, strict=True))
    return numbers if is_numeric else [None if text is None else text_of(text) for text in texts]
