"""Reads the rows of a file: CSV with a header, JSON lines or Parquet. `producer.cells` interprets their cells."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from producer.lines import TextLines, size_of
from schemas.errors import DataError


class TableRow(NamedTuple):
    """One row.

    Attributes:
        number: counted from 1, without blank lines.
        where: file and line (or row) for a message.
        values: by column, as in the file: text in CSV, typed values otherwise.
        json: the line itself, if the file holds JSON.
    """

    number: int
    where: str
    values: dict[str, Any]
    json: bytes | None = None


class Rows(Protocol):
    """A file of rows; each iteration reads it again.

    Attributes:
        total: the size of the file, in the unit of `done`.
    """

    total: int

    @property
    def done(self) -> int:
        """Progress of the latest iteration."""

    @property
    def columns(self) -> list[str] | None:
        """Its columns; None if each row has its own."""

    @property
    def is_text(self) -> bool:
        """Whether values are text, not typed."""

    def __iter__(self) -> Iterator[TableRow]:
        """The rows."""


class _TextRows:
    def __init__(self, path: Path) -> None:
        self.total = size_of(path)
        self._lines = TextLines(path)

    @property
    def done(self) -> int:
        """Bytes read."""
        return self._lines.read_bytes


class CsvRows(_TextRows):
    """A CSV file with a header, with one row in memory.

    Raises:
        DataError: it cannot be read or is empty; while iterating, a row is not valid.
    """

    is_text = True

    @property
    def columns(self) -> list[str]:
        """The header."""
        return next(self._cells(), (0, []))[1]

    def __iter__(self) -> Iterator[TableRow]:
        rows = self._cells()
        _, header = next(rows, (0, []))
        for number, (line, cells) in enumerate(rows, start=1):
            where = f"{self._lines.path} line {line}"
            if len(cells) != len(header):
                raise DataError(f"{where}: {len(cells)} cells, but the header has {len(header)}")
            yield TableRow(number, where, dict(zip(header, cells, strict=True)))

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, with the line on which each ends."""
        # without strict, an unclosed quote would take the following rows into its cell
        reader = csv.reader(iter(self._lines), strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(f"{self._lines.path} line {reader.line_num}: not valid CSV: {error}") from error


class JsonRows(_TextRows):
    """A file with one JSON object per line, with one line in memory.

    Raises:
        DataError: it cannot be read or is empty; while iterating, a line is not a JSON object.
    """

    is_text = False
    columns = None

    def __iter__(self) -> Iterator[TableRow]:
        number = 0
        for line, text in enumerate(self._lines, start=1):
            if text.strip():
                number += 1
                where = f"{self._lines.path} line {line}"
                yield TableRow(number, where, _json_object(where, text), text.strip().encode())


def _json_object(where: str, text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not valid JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: JSON cannot be parsed: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{where}: each line must be a JSON object, not a {type(values).__name__}")
    return values


class ParquetRows:
    """A Parquet file, read in batches of a thousand rows.

    Raises:
        DataError: it cannot be read, or is not a Parquet file.
    """

    is_text = False
    BATCH_ROWS = 1000

    def __init__(self, path: Path) -> None:
        size_of(path)
        self._path = path
        self.done = 0
        with self._opened() as file:
            self.total = int(file.metadata.num_rows)
            self.columns: list[str] = file.schema_arrow.names

    def __iter__(self) -> Iterator[TableRow]:
        self.done = 0
        with self._opened() as file:
            for batch in file.iter_batches(self.BATCH_ROWS):
                for values in batch.to_pylist():
                    self.done += 1
                    yield TableRow(self.done, f"{self._path} row {self.done}", values)

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


_FORMATS: dict[str, Callable[[Path], Rows]] = {
    ".csv": CsvRows,
    ".jsonl": JsonRows,
    ".ndjson": JsonRows,
    ".json": JsonRows,
    ".parquet": ParquetRows,
}


def open_rows(path: Path) -> Rows:
    """The rows of a file, in the format of its suffix.

    Raises:
        DataError: the format is not known, or the file cannot be read.
    """
    reader = _FORMATS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: unknown format; the name must end in {', '.join(_FORMATS)}")
    return reader(path)
