"""CSV files with a header; the delimiter is a comma, a semicolon or a tab, whichever splits the first rows evenly."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import DataError
from tables.header import read_header
from tables.options import TableOptions
from tables.paths import size_of
from tables.plain_csv import read_plain
from tables.rows import TableChunk, TableRow, in_chunks, index_note
from tables.text_file import TextFile

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = (",", ";", "\t")
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_ROWS = 50


class CsvFile:
    """A CSV file, with one row in memory.

    Raises:
        DataError: it cannot be read, is empty, or its header is not valid; while iterating, a row is not valid.
    """

    def __init__(self, path: Path, options: TableOptions) -> None:
        self.total = size_of(path)
        self._text = TextFile(path)
        self._text.check_lines()
        self._delimiter = find_delimiter(self._text.start(_SAMPLE_CHARACTERS))
        header = next((cells for _, cells in self._cells()), None)
        if header is None:
            raise DataError(f"{path}: has no header")
        self._width = len(header)
        self._all_names = header
        self._header = read_header(str(path), header, options)
        self.columns: list[str] | None = self._header.names
        self.notes = [*self._text.notes, *index_note(path, self._header.index)]

    @property
    def done(self) -> int:
        """Bytes read."""
        return self._text.read_bytes

    def __iter__(self) -> Iterator[TableRow]:
        names, mask = self._header.names, self._mask
        for number, (where, cells) in enumerate(self._rows(), start=1):
            yield TableRow(number, where, dict(zip(names, compress(cells, mask) if mask else cells, strict=True)))

    def chunks(self) -> Iterator[TableChunk]:
        """The rows, ten thousand at a time."""
        names, mask = self._header.names, self._mask
        for some in in_chunks(self._rows()):
            columns = list(zip(*(cells for _, cells in some), strict=True))
            read = compress(columns, mask) if mask else columns
            yield TableChunk([where for where, _ in some], dict(zip(names, read, strict=True)))

    def whole(self) -> pa.Table | None:
        """All rows at once, as columns of text; None if the file is not plain (`tables.plain_csv`) or has no rows.

        Raises:
            DataError: the file cannot be read.
        """
        if not self._text.is_plain_utf8:
            return None
        table = read_plain(self._text.path, self._delimiter, self._header.mask)
        return table and table.rename_columns(self._header.names)

    @property
    def _mask(self) -> list[bool] | None:
        """Which columns are read; None for all."""
        return None if self._header.is_whole else self._header.mask

    def _rows(self) -> Iterator[tuple[str, list[str]]]:
        """The rows after the header, all of its width, with their places."""
        path, width = self._text.path, self._width
        # an error keeps this frame alive, and with it the file
        with closing(self._cells()) as rows:
            next(rows, None)
            for line, cells in rows:
                where = f"{path} line {line}"
                if len(cells) != width:
                    raise DataError(self._wrong_width(where, cells))
                yield where, cells

    def _wrong_width(self, where: str, cells: list[str]) -> str:
        message = f"{where}: {len(cells)} cells, but the header has {self._width}"
        if len(cells) > self._width:
            return f"{message}: too many from {cells[self._width]!r} on"
        return f"{message}: none for {self._all_names[len(cells)]!r}"

    def _cells(self) -> Generator[tuple[int, list[str]]]:
        """The rows that are not blank, with the line on which each ends."""
        with self._text.open() as lines:
            # without strict, an unclosed quote would take the following rows into its cell
            reader = csv.reader(lines, delimiter=self._delimiter, skipinitialspace=True, strict=True)
            try:
                for cells in reader:
                    if cells:
                        yield reader.line_num, cells
            except csv.Error as error:
                raise DataError(f"{self._text.path} line {reader.line_num}: not valid CSV: {error}") from error


def find_delimiter(sample: str) -> str:
    """The delimiter that splits the header and the first rows into the same number of cells, at least two.

    If none does, or several do, the one that gives the header the most cells.
    """
    return max(DELIMITERS, key=lambda delimiter: _evenness(sample, delimiter))


def _evenness(sample: str, delimiter: str) -> tuple[bool, int]:
    lines = sample.splitlines(keepends=True)
    widths: list[int] = []
    try:
        for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            if cells:
                widths.append(len(cells))
            if len(widths) == _SAMPLE_ROWS:
                break
        else:
            # the sample may end within a row
            widths = widths[:-1] if len(sample) == _SAMPLE_CHARACTERS else widths
    except csv.Error:
        return False, 0
    width = widths[0] if widths else 0
    return width > 1 and set(widths) == {width}, width
