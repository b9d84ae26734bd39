"""Outcomes: what listings really sold for, from a file onto their stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from producer.cells import MISSING
from producer.chunks import CHUNK_LISTINGS
from producer.files import text_of_id
from producer.lines import digest_of
from producer.sending import send_chunk
from producer.tables import TableRow, open_rows
from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.events import Outcome, OutcomeData
from schemas.settings import Settings
from transport.connection import connect


class OutcomeFile:
    """The outcomes of one file, as JSON, in the memory of a few rows; each iteration reads the file anew.

    A row says by its id which listing it is about; without an id column it is about the listing that the same row of
    the same file became. The domain's target holds the outcome; a row in which it is empty has none yet. JSON lines may
    hold whole outcome events too.

    Args:
        path: of the file; its ending says the format.
        domain: whose target it is.
        id_column: the column of listing ids.
        source: of the listings that the rows are about.

    Attributes:
        total: where the file ends, in the unit of `done`.
        skipped: rows without an outcome that the latest iteration came by.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds no outcome; while iterating, one is no outcome.
    """

    def __init__(self, path: Path, domain: Domain, id_column: str | None = None, source: str = "") -> None:
        self._rows = open_rows(path)
        self._domain = domain
        self._id_column = id_column
        self._source = source
        self._digest = digest_of(path)
        self.total = self._rows.total
        self.skipped = 0
        if self._rows.columns is not None:
            self._check(str(path), self._rows.columns)
        if next(iter(self), None) is None:
            raise DataError(f"{path}: holds no outcome")

    @property
    def done(self) -> int:
        """How far the latest iteration has come."""
        return self._rows.done

    def __iter__(self) -> Iterator[bytes]:
        self.skipped = 0
        for row in self._rows:
            try:
                outcome = self._outcome(row)
            except ValidationError as error:
                found = error.errors(include_url=False)[0]
                raise DataError(f"{row.where}: no outcome: {found['loc'][-1]}: {found['msg']}") from error
            if outcome is None:
                self.skipped += 1
            else:
                yield outcome.model_dump_json(exclude_none=True).encode()

    def _check(self, where: str, columns: list[str]) -> None:
        for name in filter(None, (self._domain.target.name, self._id_column)):
            if name not in columns:
                raise DataError(f"{where}: no column {name!r}; there are {', '.join(columns)}")

    def _outcome(self, row: TableRow) -> Outcome | None:
        if row.json and isinstance(row.values.get("data"), dict):
            event = Outcome.model_validate_json(row.json)
            self._value(row, event.data.outcome)
            return event
        self._check(row.where, list(row.values))
        if (told := row.values[self._domain.target.name]) is None or told in MISSING:
            return None
        own = f"{self._digest}-{row.number}"
        listing_id = text_of_id(row.values[self._id_column]) if self._id_column else own
        data = OutcomeData(listing_id=listing_id, listing_source=self._source, outcome=self._value(row, told))
        return Outcome(id=own, data=data)

    def _value(self, row: TableRow, told: Any) -> float | str:
        """What was told as a number, or as one of the classes."""
        target = self._domain.target
        if target.classes:
            if told not in target.classes:
                known = ", ".join(target.classes)
                raise DataError(f"{row.where}: {target.name} is {told!r}, which is none of its classes: {known}")
            return str(told)
        try:
            return float(told)
        except (TypeError, ValueError) as error:
            raise DataError(f"{row.where}: {target.name} is {told!r}, which is no number") from error


class OutcomePublisher:
    """Publishes outcomes of one domain; use it in a `with` block.

    Raises:
        ConfigurationError: the settings name no Redis.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.redis_url is None:
            raise ConfigurationError("no Redis: give a publisher settings with `redis_url`")
        self._url = settings.redis_url.get_secret_value()
        self._stream = settings.streams.outcomes
        self._client = connect(self._url)

    def publish_chunks(self, outcomes: Iterable[bytes], together: int = CHUNK_LISTINGS) -> Iterator[list[str]]:
        """Publish outcomes while the result is iterated, in the memory of one chunk of `together`.

        Yields:
            The entry ids of each chunk.

        Raises:
            PublishError: as `ListingPublisher.publish_chunks`.
        """
        rest = iter(outcomes)
        while chunk := list(islice(rest, together)):
            yield send_chunk(self._client, self._url, self._stream, chunk)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
