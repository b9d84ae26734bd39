"""Files of listings: CSV with a header, and JSON lines with a row or a whole event each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from producer.cells import cell_reader, check_columns, json_value
from producer.encoding import Publishable
from producer.lines import TextLines, digest_of, size_of
from schemas.domain import Domain
from schemas.errors import DataError


class ListingFile:
    """The listings of one file, in the memory of one row; each iteration reads the file anew.

    The id of a row comes from the id column, else it is ``<first 16 hexadecimal digits of the file's SHA-256>-<row>``
    with rows counted from 1: the same file gives the same identities.

    Args:
        path: of the file; its ending says the format (.csv, .jsonl, .ndjson or .json).
        domain: whose listings these are.
        id_column: the column of ids.

    Attributes:
        total: size of the file in bytes.

    Raises:
        DataError: the file cannot be read or holds no row, or its columns do not fit the domain.
    """

    def __init__(self, path: Path, domain: Domain, id_column: str | None = None) -> None:
        if path.suffix.lower() not in _FORMATS:
            raise DataError(f"{path}: cannot tell its format from its name: known are {', '.join(_FORMATS)}")
        self.total = size_of(path)
        self._lines = TextLines(path)
        self._events = _FORMATS[path.suffix.lower()]
        self._domain = domain
        self._id_column = id_column
        self._digest = "" if id_column else digest_of(path)
        if next(iter(self), None) is None:
            raise DataError(f"{path}: holds no row")

    @property
    def done(self) -> int:
        """Bytes of the file that the latest iteration has read."""
        return self._lines.read_bytes

    def __iter__(self) -> Iterator[Publishable]:
        return self._events(self._lines, self._domain, self._id_column, self._digest)


def _event(id: Any, row: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id, "type": "listing.submitted", "data": row}


def _csv_events(lines: TextLines, domain: Domain, id_column: str | None, digest: str) -> Iterator[Publishable]:
    rows = _csv_rows(lines)
    _, header = next(rows, (0, []))
    check_columns(str(lines.path), header, domain, id_column)
    at = {name: position for position, name in enumerate(header)}
    readers = [(f.column, at[f.column], cell_reader(f)) for f in domain.features if f.column in at]
    for row, (line, cells) in enumerate(rows, start=1):
        if len(cells) != len(header):
            raise DataError(f"{lines.path} line {line}: {len(cells)} cells where the header has {len(header)}")
        id = cells[at[id_column]] if id_column else f"{digest}-{row}"
        yield _event(id, {column: read(cells[position]) for column, position, read in readers})


def _csv_rows(lines: TextLines) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, and the line on which each ends."""
    # strict: else a quote that nobody closes takes the following rows into its cell
    reader = csv.reader(iter(lines), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{lines.path} line {reader.line_num}: no CSV: {error}") from error


def _json_events(lines: TextLines, domain: Domain, id_column: str | None, digest: str) -> Iterator[Publishable]:
    categories = {f.column: f.categories for f in domain.features}
    row = 0
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        row += 1
        values = _json_object(lines.path, line, text)
        if "id" in values and isinstance(values.get("data"), dict):
            yield text.strip().encode()
            continue
        # later rows may differ: what the domain does not know then goes to the consumer, which refuses it
        if row == 1:
            check_columns(f"{lines.path} line {line}", list(values), domain, id_column)
        values.pop(domain.target.name, None)
        id = values.pop(id_column, None) if id_column else f"{digest}-{row}"
        data = {name: json_value(value, categories.get(name, ())) for name, value in values.items()}
        yield _event(str(id) if type(id) is int else id, data)


def _json_object(path: Path, line: int, text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path} line {line}: no JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} line {line}: no JSON that can be read: {error}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path} line {line}: one JSON object a line is read, not a {type(values).__name__}")
    return values


_FORMATS: dict[str, Callable[[TextLines, Domain, str | None, str], Iterator[Publishable]]] = {
    ".csv": _csv_events,
    ".jsonl": _json_events,
    ".ndjson": _json_events,
    ".json": _json_events,
}
