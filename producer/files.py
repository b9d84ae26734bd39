"""Reads listings from files: a table with a listing per row, or JSON objects that are whole events."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from producer.columns import check_columns, choose_id_column
from producer.encoding import Publishable
from schemas.domain import Domain
from schemas.errors import DataError
from tables.opening import open_table
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.paths import digest_of
from tables.rows import TableRow
from tables.values import UndecidedCellError, feature_reader, read_id

_JSON = (str, int, float, list, dict, type(None))


class RowFile:
    """A file of rows, read in constant memory.

    Attributes:
        total: the size of the file, in the unit of `done`.
        notes: what a user should know about the way the file is read, one line each.
    """

    def __init__(self, path: Path, domain: Domain, id_column: str | None, options: TableOptions) -> None:
        self._rows = open_table(path, options)
        self._domain = domain
        first = next(iter(self._rows), None)
        if first is None:
            raise DataError(f"{path}: has no rows")
        self._id_column = choose_id_column(self._rows.columns or first.cells, domain, id_column)
        self.total = self._rows.total
        self.notes = list(self._rows.notes)

    @property
    def done(self) -> int:
        """Progress of the latest iteration: bytes of a text file, rows of another."""
        return self._rows.done


class ListingFile(RowFile):
    """The listings of one file, read in constant memory; each iteration reads the file again.

    The id of a row comes from the id column, else it is ``<first 16 hexadecimal digits of the file's SHA-256>-<row>``
    with rows counted from 1, so the same file gives the same identities. A whole event, a JSON object with `id` and an
    object `data`, is published unchanged, with its own source, subject and time.

    Args:
        path: of the file, in a format of `tables.opening`.
        domain: of the listings.
        id_column: the column of ids; by default the domain's, if the file has it.
        source: of listings made from rows, and of whole events without a source.
        options: columns to rename and to skip, and the decimal separator.
        subject_column: the column of subjects; with one, the file may lack features, which may be stored.

    Raises:
        DataError: the file cannot be read or has no rows, or its columns do not match the domain; while iterating, a
            row is not valid, or has a number whose meaning depends on the decimal separator.
    """

    def __init__(
        self,
        path: Path,
        domain: Domain,
        id_column: str | None = None,
        source: str = "",
        options: TableOptions = DEFAULT_OPTIONS,
        subject_column: str | None = None,
    ) -> None:
        super().__init__(path, domain, id_column, options)
        self._source = {"source": source} if source else {}
        self._subject_column = subject_column
        self._digest = "" if self._id_column else digest_of(path)
        self._readers = {feature.column: feature_reader(feature, options.decimal) for feature in domain.features}
        left_out = {domain.target.name, *domain.ignored, self._id_column, subject_column}
        self._left_out = left_out - self._readers.keys()
        columns = self._rows.columns
        self._is_uniform = columns is not None
        self._is_checked = False
        if columns is not None:
            self._check(str(path), columns)
            self._readers = {name: read for name, read in self._readers.items() if name in columns}
        next(iter(self))

    def __iter__(self) -> Iterator[Publishable]:
        convert = self._uniform_data if self._is_uniform else self._data
        for row in self._rows:
            if isinstance(row.cells.get("data"), dict) and "id" in row.cells:
                yield self._from_event(row)
            else:
                yield self._from_features(row, convert)

    def _check(self, where: str, columns: list[str]) -> None:
        subject = self._subject_column
        if subject is not None and subject not in columns:
            raise DataError(f"{where}: no subject column {subject!r}; the columns are {', '.join(columns)}")
        names = [name for name in columns if name != subject or name == self._id_column]
        is_partial = subject is not None
        if ignored := check_columns(where, names, self._domain, self._id_column, is_partial=is_partial):
            self.notes.append(f"left out {', '.join(ignored)}, which {self._domain.name} ignores")
        self._is_checked = True

    def _from_event(self, row: TableRow) -> Publishable:
        if row.json is not None and (not self._source or row.cells.get("source")):
            return row.json
        missing = self._source if not row.cells.get("source") else {}
        return json.dumps(row.cells | missing, ensure_ascii=False).encode()

    def _from_features(self, row: TableRow, convert: Callable[[dict[str, Any]], dict[str, Any]]) -> Publishable:
        # later rows may have other columns, which the consumer refuses
        if not self._is_checked and row.number == 1:
            self._check(row.where, list(row.cells))
        id = read_id(row.cells.get(self._id_column)) if self._id_column else f"{self._digest}-{row.number}"
        try:
            data = convert(row.cells)
        except UndecidedCellError as error:
            raise DataError(f"{row.where}, {error}") from error
        subject = {"subject": read_id(row.cells.get(self._subject_column))} if self._subject_column else {}
        return {"specversion": "1.0", "id": id, "type": "listing.submitted", **self._source, **subject, "data": data}

    def _uniform_data(self, values: dict[str, Any]) -> dict[str, Any]:
        return {name: read(values[name]) for name, read in self._readers.items()}

    def _data(self, values: dict[str, Any]) -> dict[str, Any]:
        readers, left_out = self._readers, self._left_out
        return {
            name: readers[name](value) if name in readers else _json_value(value)
            for name, value in values.items()
            if name not in left_out
        }


def _json_value(value: Any) -> Any:
    """The value of a feature that is not declared, for the dead letter of its listing."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, _JSON) else str(value)
