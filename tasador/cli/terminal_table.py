"""The one style of tables in a terminal: numbers to the right, units in the heads, no word broken.

A column that holds prose or names is wrapped between words, and after `_`, `-` and `/`. A table that does not fit even
so is shown as records, one line for each value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from tasador.cli.formatting import printable

_GAP = 2
_LONGEST_WORD = 24
"""What is longer is no word, and may be broken."""
_PIECES = re.compile(r"\s+|[^\s_/-]+[_/-]*|[_/-]+")
"""What stays on one line: words, and parts of names with the sign after them."""
_WORDS = re.compile(r"\s+|\S+")
_LONGEST_CELL = 400

Cell: TypeAlias = "str | Text"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of a table.

    Attributes:
        head: in capitals, with the unit if there is one; may wrap between words.
        is_number: align to the right.
        is_prose: wrap if the table is too wide.
    """

    head: str
    is_number: bool = False
    is_prose: bool = False


class TerminalTable:
    """A table that rich can print; characters that would move the cursor are escaped.

    Args:
        columns: from left to right.
        rows: one cell for each column.
        title: a line above it.
        legend: lines below it, which explain signs.
    """

    def __init__(
        self,
        columns: Sequence[TableColumn],
        rows: Sequence[Sequence[Cell]],
        title: str = "",
        legend: Sequence[str] = (),
    ) -> None:
        self._columns = columns
        self._rows = [[_text(cell) for cell in row] for row in rows]
        self._title = title
        self._legend = legend

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Fit it into the width of the terminal."""
        if self._title:
            yield Text(self._title, style="bold")
        widths = self._widths(options.max_width)
        yield from self._records() if widths is None else [self._table(widths)]
        yield from (Text(line) for line in self._legend)

    def _widths(self, available: int) -> list[int] | None:
        """The width of each column; None if words would have to be broken."""
        available -= _GAP * (len(self._columns) - 1)
        natural = [self._width(number, is_narrow=False) for number in range(len(self._columns))]
        narrow = [self._width(number, is_narrow=True) for number in range(len(self._columns))]
        if sum(narrow) > available:
            return None
        widths = list(natural)
        # the widest column gives way first
        while sum(widths) > available:
            number = max((n for n in range(len(widths)) if widths[n] > narrow[n]), key=widths.__getitem__)
            widths[number] -= 1
        return widths

    def _width(self, number: int, *, is_narrow: bool) -> int:
        column = self._columns[number]
        cells = [row[number] for row in self._rows]
        if not is_narrow:
            return max(len(column.head), *(cell.cell_len for cell in cells), 1)
        head = max(map(len, column.head.split()), default=0)
        if column.is_prose:
            pieces = [len(piece.strip()) for cell in cells for piece in _PIECES.findall(cell.plain)]
            return max(head, min(max(pieces, default=0), _LONGEST_WORD), 1)
        return max(head, *(cell.cell_len for cell in cells), 1)

    def _table(self, widths: Sequence[int]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), collapse_padding=True)
        for column, width in zip(self._columns, widths, strict=True):
            table.add_column(
                Text(_wrapped(column.head, width, _WORDS), style="bold"),
                justify="right" if column.is_number else "left",
                vertical="top",
                width=width,
                overflow="fold",
            )
        for row in self._rows:
            table.add_row(
                *(
                    Text(_wrapped(cell.plain, width, _PIECES), cell.style)
                    for cell, width in zip(row, widths, strict=True)
                )
            )
        return table

    def _records(self) -> Iterator[RenderableType]:
        width = max(len(column.head) for column in self._columns)
        for number, row in enumerate(self._rows):
            if number:
                yield Text("")
            for column, cell in zip(self._columns, row, strict=True):
                yield Text.assemble((f"{column.head:<{width}}  ", "bold"), cell)


def _wrapped(text: str, width: int, pieces: re.Pattern[str]) -> str:
    """The text in lines of at most this width."""
    lines = [""]
    for piece in pieces.findall(text):
        if len(lines[-1]) + len(piece.rstrip()) > width and lines[-1]:
            lines.append("")
        # blanks end with the line
        lines[-1] += piece if lines[-1] else piece.lstrip()
        while len(lines[-1].rstrip()) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return "\n".join(line.rstrip() for line in lines)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell, _LONGEST_CELL))
