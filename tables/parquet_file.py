"""Parquet files: dictionaries, decimals, times and nullable columns become plain cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import DataError
from tables.header import read_header
from tables.options import TableOptions
from tables.paths import size_of
from tables.rows import TableChunk, TableRow, chunks_of, index_note

BATCH_ROWS = 1000
_INDEX = re.compile(r"__index_level_\d+__")


class ParquetFile:
    """A Parquet file, read in batches of a thousand rows.

    Raises:
        DataError: it cannot be read, is not a Parquet file, or has columns that a table cannot have.
    """

    def __init__(self, path: Path, options: TableOptions) -> None:
        size_of(path)
        self._path = path
        self.done = 0
        with self._opened() as file:
            self.total = int(file.metadata.num_rows)
            names: list[str] = file.schema_arrow.names
        self._header = read_header(str(path), names, options, [name for name in names if _INDEX.fullmatch(name)])
        self._read = [name for name, is_read in zip(names, self._header.mask, strict=True) if is_read]
        self.columns: list[str] | None = self._header.names
        self.notes = index_note(path, self._header.index)

    def __iter__(self) -> Iterator[TableRow]:
        self.done = 0
        names = self._header.names
        with self._opened() as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=self._read):
                for cells in zip(*(_cells(batch.column(name)) for name in self._read), strict=True):
                    self.done += 1
                    yield TableRow(self.done, f"{self._path} row {self.done}", dict(zip(names, cells, strict=True)))

    def chunks(self) -> Iterator[TableChunk]:
        """The rows, ten thousand at a time."""
        return chunks_of(self)

    def _opened(self) -> Any:
        # the import takes 0.2 s, which other formats need not spend
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self._path, pre_buffer=False)
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read: {error}") from error
        except pa.ArrowInvalid as error:
            raise DataError(f"{self._path}: not a Parquet file: {str(error).splitlines()[0]}") from error


def _cells(column: Any) -> list[Any]:
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_float32(column.type) or types.is_float16(column.type):
        # as written in fewest digits, so that 0.1 is the number 0.1
        return [None if number is None else float(str(number)) for number in column.to_numpy(zero_copy_only=False)]
    cells: list[Any] = column.to_pylist()
    return cells
