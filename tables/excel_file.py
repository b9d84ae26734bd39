"""Excel workbooks (.xlsx), with the package openpyxl: the first sheet; its first row with cells is the header."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import ConfigurationError, DataError
from tables.cells import text_of
from tables.header import read_header
from tables.options import TableOptions
from tables.paths import reading, size_of
from tables.rows import TableChunk, TableRow, chunks_of, index_note


class ExcelFile:
    """A workbook.

    Raises:
        ConfigurationError: openpyxl is not installed.
        DataError: it cannot be read, has no header, or columns that a table cannot have.
    """

    def __init__(self, path: Path, options: TableOptions) -> None:
        if importlib.util.find_spec("openpyxl") is None:
            raise ConfigurationError(f"{path}: needs the package openpyxl: pip install tasador[excel]")
        size_of(path)
        self._path = path
        self.done = 0
        header = next((cells for _, cells in self._cells()), None)
        if header is None:
            raise DataError(f"{path}: has no header")
        self._width = len(header)
        self._header = read_header(str(path), ["" if cell is None else text_of(cell) for cell in header], options)
        self.total = sum(1 for _ in self._cells()) - 1
        self.columns: list[str] | None = self._header.names
        self.notes = index_note(path, self._header.index)

    def __iter__(self) -> Iterator[TableRow]:
        self.done = 0
        names, mask = self._header.names, self._header.mask
        rows = self._cells()
        next(rows, None)
        for row, cells in rows:
            self.done += 1
            where = f"{self._path} row {row}"
            if len(cells) > self._width:
                raise DataError(f"{where}: {len(cells)} cells, but the header has {self._width}")
            # a sheet does not store empty cells at the end of a row
            padded = [*cells, *[None] * (self._width - len(cells))]
            read = [cell for cell, is_read in zip(padded, mask, strict=True) if is_read]
            yield TableRow(self.done, where, dict(zip(names, read, strict=True)))

    def chunks(self) -> Iterator[TableChunk]:
        """The rows, ten thousand at a time."""
        return chunks_of(self)

    def _cells(self) -> Iterator[tuple[int, list[Any]]]:
        """Rows of the sheet that are not blank, counted from 1, without empty cells at the end."""
        from zipfile import BadZipFile

        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException

        with reading(self._path):
            try:
                book = load_workbook(self._path, read_only=True, data_only=True)
            except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
                raise DataError(f"{self._path}: not an Excel workbook: {error}") from error
            try:
                for row, values in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
                    cells = list(values)
                    while cells and (cells[-1] is None or cells[-1] == ""):
                        cells.pop()
                    if cells:
                        yield row, cells
            finally:
                book.close()
