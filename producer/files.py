"""Reads listings from files: a table (CSV, Parquet, JSON lines) with a listing per row, or JSON lines of events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from producer.cells import cell_reader, check_columns, json_value
from producer.encoding import Publishable
from producer.lines import digest_of
from producer.tables import TableRow, open_rows
from schemas.domain import Domain
from schemas.errors import DataError


class RowFile:
    """A file of rows, read in constant memory.

    Attributes:
        total: the size of the file, in the unit of `done`.
    """

    def __init__(self, path: Path, domain: Domain, id_column: str | None) -> None:
        self._rows = open_rows(path)
        self._domain = domain
        self._id_column = id_column
        self.total = self._rows.total

    @property
    def done(self) -> int:
        """Progress of the latest iteration: bytes of a text file, rows of a Parquet file."""
        return self._rows.done


class ListingFile(RowFile):
    """The listings of one file, read in constant memory; each iteration reads the file again.

    The id of a row comes from the id column, else it is ``<first 16 hexadecimal digits of the file's SHA-256>-<row>``
    with rows counted from 1, so the same file gives the same identities. A whole event, a JSON object with `id` and an
    object `data`, is published unchanged, with its own source, subject and time.

    Args:
        path: of the file; its suffix determines the format (.csv, .parquet, .jsonl, .ndjson or .json).
        domain: of the listings.
        id_column: the column of ids.
        source: of listings made from rows, and of whole events without a source.

    Raises:
        DataError: the file cannot be read or has no rows, or its columns do not match the domain.
    """

    def __init__(self, path: Path, domain: Domain, id_column: str | None = None, source: str = "") -> None:
        super().__init__(path, domain, id_column)
        self._source = {"source": source} if source else {}
        self._digest = "" if id_column else digest_of(path)
        self._values = _value_reader(domain, is_text=self._rows.is_text)
        columns = self._rows.columns
        self._is_uniform = columns is not None
        if columns is not None:
            check_columns(str(path), columns, domain, id_column)
        if next(iter(self), None) is None:
            raise DataError(f"{path}: has no rows")

    def __iter__(self) -> Iterator[Publishable]:
        for row in self._rows:
            if row.json and "id" in row.values and isinstance(row.values.get("data"), dict):
                yield self._from_event(row)
            else:
                yield self._from_features(row)

    def _from_event(self, row: TableRow) -> Publishable:
        if row.json is None or not self._source or row.values.get("source"):
            return row.json or b""
        return json.dumps(row.values | self._source, ensure_ascii=False).encode()

    def _from_features(self, row: TableRow) -> Publishable:
        # later rows may have other columns, which the consumer refuses
        if not self._is_uniform and row.number == 1:
            check_columns(row.where, list(row.values), self._domain, self._id_column)
        id = row.values.pop(self._id_column, None) if self._id_column else f"{self._digest}-{row.number}"
        row.values.pop(self._domain.target.name, None)
        data = self._values(row.values)
        return {"specversion": "1.0", "id": id_as_text(id), "type": "listing.submitted", **self._source, "data": data}


def id_as_text(value: Any) -> Any:
    """A numeric id as text; the consumer refuses ids of other types."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an integer column with a gap
    return str(value) if type(value) is int else value


def _value_reader(domain: Domain, *, is_text: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The function that converts a row's values to those of an event."""
    if is_text:
        readers = [(feature.column, cell_reader(feature)) for feature in domain.features]
        return lambda values: {column: read(values[column]) for column, read in readers if column in values}
    categories = {feature.column: feature.categories for feature in domain.features}
    return lambda values: {name: json_value(value, categories.get(name, ())) for name, value in values.items()}
