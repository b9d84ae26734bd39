"""What a reader of a format returns: rows of named cells, or columns of some rows, with their places in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

_Item = TypeVar("_Item")

_CHUNK_ROWS = 10_000


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


class TableChunk(NamedTuple):
    """Some rows, column by column.

    Attributes:
        where: file and line (or row) of each row for a message.
        cells: of each row by column, as in the file; None where a row has no such column.
    """

    where: Sequence[str]
    cells: dict[str, Sequence[Any]]


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

    def chunks(self) -> Iterator[TableChunk]:
        """The rows, ten thousand at a time; if each has its own columns, a chunk has those of its rows."""


def chunks_of(rows: Iterable[TableRow]) -> Iterator[TableChunk]:
    """The rows of a reader in chunks."""
    for some in in_chunks(rows):
        names = dict.fromkeys(name for row in some for name in row.cells)
        yield TableChunk([row.where for row in some], {name: [row.cells.get(name) for row in some] for name in names})


def in_chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Items, ten thousand at a time."""
    iterator = iter(items)
    while some := list(islice(iterator, _CHUNK_ROWS)):
        yield some


def index_note(path: object, index: tuple[str, ...]) -> list[str]:
    """The note on an index that is left out."""
    names = ", ".join(repr(name) for name in index)
    return [f"{path}: left out the index column {names}"] if index else []
