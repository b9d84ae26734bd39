"""Outcomes, the true values of listings: reads them from a file, and publishes them to their stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from producer.chunks import CHUNK_LISTINGS
from producer.files import RowFile
from producer.reconnection import Reconnection
from producer.sending import send_chunk
from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.events import Outcome, OutcomeData
from schemas.settings import Settings
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.paths import digest_of
from tables.rows import TableRow
from tables.values import UndecidedCellError, read_id, target_reader
from transport.connection import connect
from transport.server import check_prefix


class OutcomeFile(RowFile):
    """The outcomes of one file as JSON, read in constant memory; each iteration reads the file again.

    A row belongs to the listing of its id; without an id column, to the listing that was published from the same row of
    the same file. The domain's target column holds the outcome; a row without a value has no outcome yet. JSON lines
    may also hold whole outcome events.

    Args:
        path: of the file, in a format of `tables.opening`.
        domain: declares the target.
        id_column: the column of listing ids; by default the domain's, if the file has it.
        source: of the listings.
        options: columns to rename and to skip, and the decimal separator.

    Attributes:
        skipped: rows without an outcome in the latest iteration.

    Raises:
        DataError: the file cannot be read, lacks a column, or has no outcomes; while iterating, one is not valid.
    """

    def __init__(
        self,
        path: Path,
        domain: Domain,
        id_column: str | None = None,
        source: str = "",
        options: TableOptions = DEFAULT_OPTIONS,
    ) -> None:
        super().__init__(path, domain, id_column, options)
        self._source = source
        self._read = target_reader(domain, options.decimal)
        self._digest = digest_of(path)
        self.skipped = 0
        if self._rows.columns is not None:
            self._check_columns(str(path), self._rows.columns)
        if next(iter(self), None) is None:
            raise DataError(f"{path}: has no outcomes")

    def __iter__(self) -> Iterator[bytes]:
        self.skipped = 0
        for row in self._rows:
            try:
                outcome = self._outcome(row)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                raise DataError(f"{row.where}: not a valid outcome: {first['loc'][-1]}: {first['msg']}") from error
            if outcome is None:
                self.skipped += 1
            else:
                yield outcome.model_dump_json(exclude_none=True).encode()

    def _check_columns(self, where: str, columns: list[str]) -> None:
        for name in filter(None, (self._domain.target.name, self._id_column)):
            if name not in columns:
                raise DataError(f"{where}: missing column {name!r}; the columns are {', '.join(columns)}")

    def _outcome(self, row: TableRow) -> Outcome | None:
        if row.json and isinstance(row.cells.get("data"), dict):
            event = Outcome.model_validate_json(row.json)
            self._checked(row, event.data.outcome)
            return event
        self._check_columns(row.where, list(row.cells))
        try:
            value = self._read(row.cells[self._domain.target.name])
        except UndecidedCellError as error:
            raise DataError(f"{row.where}, {error}") from error
        if value is None:
            return None
        row_id = f"{self._digest}-{row.number}"
        listing_id = read_id(row.cells[self._id_column]) if self._id_column else row_id
        data = OutcomeData(listing_id=listing_id, listing_source=self._source, outcome=self._checked(row, value))
        return Outcome(id=row_id, data=data)

    def _checked(self, row: TableRow, value: Any) -> float | str:
        """The value as a number, or as one of the classes."""
        target = self._domain.target
        if target.classes:
            if value not in target.classes:
                known = ", ".join(target.classes)
                raise DataError(f"{row.where}: {target.name} is {value!r}; it must be one of {known}")
            return str(value)
        if isinstance(value, str | bool) or not isinstance(value, int | float):
            raise DataError(f"{row.where}: {target.name} is {value!r}, which is not a number")
        return float(value)


class OutcomePublisher:
    """Publishes outcomes of one domain; use it in a `with` block.

    Args:
        settings: with the domain and the address of Redis.
        reconnection: goes on after a lost connection; by default PublishInterruptedError is raised at once.

    Raises:
        ConfigurationError: the settings have no `redis_url`.
    """

    def __init__(self, settings: Settings, reconnection: Reconnection | None = None) -> None:
        if settings.redis_url is None:
            raise ConfigurationError("no Redis: pass settings with `redis_url`")
        self._url = settings.redis_url.get_secret_value()
        check_prefix(self._url, settings.streams)
        self._stream = settings.streams.outcomes
        self._client = connect(self._url)
        self._reconnection = reconnection or Reconnection()

    def publish_chunks(self, outcomes: Iterable[bytes], chunk_size: int = CHUNK_LISTINGS) -> Iterator[list[str]]:
        """Publish outcomes while the result is iterated, holding one chunk of `chunk_size` in memory.

        Yields:
            The entry ids of each chunk.

        Raises:
            PublishError: as `ListingPublisher.publish_chunks`.
        """
        remaining = iter(outcomes)
        while chunk := list(islice(remaining, chunk_size)):
            yield self._reconnection.send(chunk, self._send)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _send(self, chunk: list[bytes]) -> list[str]:
        return send_chunk(self._client, self._url, self._stream, chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
