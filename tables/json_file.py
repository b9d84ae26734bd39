"""JSON files: one object per line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import DataError
from tables.header import check_options
from tables.json_array import iter_array
from tables.options import TableOptions
from tables.paths import size_of
from tables.rows import TableChunk, TableRow, chunks_of
from tables.text_file import TextFile

_START_CHARACTERS = 1024


class JsonFile:
    """A file of JSON objects, with one object in memory.

    Raises:
        DataError: it cannot be read or is empty; while iterating, a row is not a JSON object.
    """

    columns: list[str] | None = None

    def __init__(self, path: Path, options: TableOptions) -> None:
        self.total = size_of(path)
        self._text = TextFile(path)
        self._options = options
        self._has_array = self._text.start(_START_CHARACTERS).lstrip("\ufeff \t\r\n").startswith("[")
        if not self._has_array:
            self._text.check_lines()
        self.notes = self._text.notes

    @property
    def done(self) -> int:
        """Bytes read."""
        return self._text.read_bytes

    def __iter__(self) -> Iterator[TableRow]:
        rows = self._array_rows() if self._has_array else self._line_rows()
        options = self._options
        for row in rows:
            if not (options.skip or options.rename):
                yield row
                continue
            if row.number == 1:
                check_options(row.where, row.cells, options)
            yield row._replace(cells=_renamed(row, options))

    def chunks(self) -> Iterator[TableChunk]:
        """The rows, ten thousand at a time."""
        return chunks_of(self)

    def _line_rows(self) -> Iterator[TableRow]:
        number = 0
        with self._text.open() as lines:
            for line, text in enumerate(lines, start=1):
                if text := text.strip():
                    number += 1
                    where = f"{self._text.path} line {line}"
                    yield TableRow(number, where, _parsed(where, text), text.encode())

    def _array_rows(self) -> Iterator[TableRow]:
        with self._text.open() as text:
            for number, values in enumerate(iter_array(text, self._text.path, unique), start=1):
                where = f"{self._text.path} item {number}"
                yield TableRow(number, where, _object(where, values))


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from the pairs of a JSON parser.

    Raises:
        ValueError: a key appears twice.
    """
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate column {next(name for name in names if names.count(name) > 1)!r}")
    return values


_decoder = json.JSONDecoder(object_pairs_hook=unique)


def _parsed(where: str, text: str) -> dict[str, Any]:
    try:
        return _object(where, _decoder.decode(text))
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not valid JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: JSON cannot be parsed: {error}") from error


def _object(where: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise DataError(f"{where}: must be a JSON object, not a {type(values).__name__}")
    return values


def _renamed(row: TableRow, options: TableOptions) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in row.cells.items():
        if name in options.skip:
            continue
        if (new := options.rename.get(name, name)) in values:
            raise DataError(f"{row.where}: duplicate column {new!r}")
        values[new] = value
    return values
