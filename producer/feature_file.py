"""Reads stored features from a file: a table with a property per row."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from producer.columns import check_columns
from producer.files import RowFile
from schemas.domain import Domain
from schemas.errors import DataError
from schemas.stored_features import StoredFeatures
from tables.cells import is_gap, text_of
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.rows import TableRow
from tables.values import UndecidedCellError, feature_reader, read_id
from transport.moments import parse_moment


class FeatureFile(RowFile):
    """The stored features of one file, read in constant memory; each iteration reads the file again.

    The target and columns that the domain ignores are left out; features that the file lacks are not stored.

    Args:
        path: of the file, in a format of `tables.opening`.
        domain: declares the features.
        id_column: the column of subjects; by default the domain's, if the file has it.
        at: when the values were true: a column of the file, or a moment (`transport.moments`); by default now.
        options: columns to rename and to skip, and the decimal separator.

    Raises:
        DataError: the file cannot be read, its columns do not match the domain, or `at` is neither; while iterating, a
            row has no subject or no time, or a number whose meaning depends on the decimal separator.
    """

    def __init__(
        self,
        path: Path,
        domain: Domain,
        id_column: str | None = None,
        at: str | None = None,
        options: TableOptions = DEFAULT_OPTIONS,
    ) -> None:
        super().__init__(path, domain, id_column, options)
        first = next(iter(self._rows))
        names = [*(self._rows.columns or first.cells)]
        if self._id_column is None:
            raise DataError(f"{path}: name the column of subjects with --id-column; the columns are {', '.join(names)}")
        self._at_column = at if at in names else None
        self._at = None if self._at_column else _moment(at or "0s")
        self._check(str(path), names)
        self._readers = {feature.column: feature_reader(feature, options.decimal) for feature in domain.features}

    def __iter__(self) -> Iterator[StoredFeatures]:
        for row in self._rows:
            if self._rows.columns is None:
                self._check(row.where, [*row.cells])
            yield self._stored(row)

    def _check(self, where: str, names: list[str]) -> None:
        left = [name for name in names if name != self._at_column]
        check_columns(where, left, self._domain, self._id_column, is_partial=True)

    def _stored(self, row: TableRow) -> StoredFeatures:
        cells, readers = row.cells, self._readers
        subject = read_id(cells.get(self._id_column or ""))
        if not isinstance(subject, str) or not subject:
            raise DataError(f"{row.where}: no subject in column {self._id_column!r}")
        try:
            features = {name: readers[name](cells[name]) for name in readers if name in cells}
        except UndecidedCellError as error:
            raise DataError(f"{row.where}, {error}") from error
        return StoredFeatures(subject, features, self._at or self._time_in(row))

    def _time_in(self, row: TableRow) -> datetime:
        cell: Any = row.cells.get(self._at_column or "")
        if is_gap(cell):
            raise DataError(f"{row.where}: no time in column {self._at_column!r}")
        try:
            return _moment(text_of(cell))
        except DataError as error:
            raise DataError(f"{row.where}, column {self._at_column!r}: {error}") from error


def _moment(text: str) -> datetime:
    moment = parse_moment(text, time.time_ns() // 1_000_000)
    return datetime.fromtimestamp(moment.ms / 1000, UTC)
