"""What a reader of a format returns: rows of named cells, with their place in the file for messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol


class TableRow(NamedTuple):
    """One row.

    Attributes:
        number: counted from 1, without blank lines.
        where: file and line (or row) for a message.
        cells: cell by column, as in the file: text in CSV, typed values otherwise; `tables.cells` has their meaning.
        json: the row as written, if the file holds a JSON object per line.
    """

    number: int
    where: str
    cells: dict[str, Any]
    json: bytes | None = None


class TableFile(Protocol):
    """A file of rows, read in constant memory; each iteration reads it again.

    Attributes:
        total: the size of the file, in the unit of `done`.
        columns: names, without an index and skipped columns; None if each row has its own.
        notes: what a user should know about the way the file is read, one line each.
    """

    total: int
    columns: list[str] | None
    notes: list[str]

    @property
    def done(self) -> int:
        """Progress of the latest iteration."""

    def __iter__(self) -> Iterator[TableRow]:
        """The rows."""


def index_note(path: object, index: tuple[str, ...]) -> list[str]:
    """The note on an index that is left out."""
    names = ", ".join(repr(name) for name in index)
    return [f"{path}: left out the index column {names}"] if index else []
