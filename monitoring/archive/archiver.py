"""From the streams to the audit log: complete, without doubles, and without anybody waiting for it.

Redis holds the group `archivers` as a mere cursor: nothing is pending in it. It tells trimming what is in the log, and
is set after a file has come into place. After a crash the names of the files say where to go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis.asyncio

from monitoring.archive.folder import ArchiveFolder, Kind, day_of, hash_of
from monitoring.archive.reading import find_predictions
from monitoring.archive.rows import Archived, ArchiveRows, Entry
from monitoring.outcomes.prediction_index import IndexedPrediction
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import ARCHIVERS, DATA_FIELD, Streams
from transport.consumer_group import create_group
from transport.entries import EntryId

logger = logging.getLogger(__name__)

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class ArchiveProgress:
    """What one round wrote.

    Attributes:
        predictions: rows of predictions.
        without_features: of these, how many had lost their listing.
        outcomes: rows of outcomes.
    """

    predictions: int = 0
    without_features: int = 0
    outcomes: int = 0


class Archiver:
    """Writes the audit log of one domain.

    Args:
        client: replies must be bytes.
        settings: with its keys.
        domain: whose features and target become columns.
        folder: where rows go.

    Raises:
        DomainError: a feature has the name of another column.
    """

    def __init__(self, client: redis.asyncio.Redis, settings: Settings, domain: Domain, folder: ArchiveFolder) -> None:
        self._client = client
        self._domain = domain
        self._streams: Streams = settings.streams
        self._archive = settings.archive
        self._rows = ArchiveRows(domain, settings.limits)
        self._folder = folder
        self._answered: tuple[str, EntryId] | None = None

    async def run_once(self, now_ms: int) -> ArchiveProgress:
        """Write what has waited long enough or fills a file, and drop days that are too old.

        Raises:
            redis.exceptions.RedisError: as the server answered.
            OSError: the folder cannot be written.
        """
        predictions = without_features = outcomes = 0
        while True:
            noted = await self._note_answered()
            written = await self._write("predictions", self._streams.predictions, self._prediction_rows, now_ms)
            if written is None:
                break
            predictions += written.table.num_rows
            without_features += written.without_features
            await self._release_listings(noted)
        while (sold := await self._write("outcomes", self._streams.outcomes, self._outcome_rows, now_ms)) is not None:
            outcomes += sold.table.num_rows
        for kind in ("predictions", "outcomes"):
            await asyncio.to_thread(self._folder.prune, kind, self._archive.keep_days, now_ms)
        if without_features:
            logger.warning("archived without features", extra={"rows": without_features})
        return ArchiveProgress(predictions, without_features, outcomes)

    async def find_older(self, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
        """Predictions that are in the log, by identity."""
        return await asyncio.to_thread(find_predictions, self._folder, self._domain, identities)

    async def lag(self) -> int:
        """Predictions that are not in the log yet."""
        position = await asyncio.to_thread(self._folder.position, "predictions")
        entries: Any = await self._client.xrange(self._streams.predictions, f"({position}", "+", count=_CHUNK)
        return len(entries) if len(entries) < _CHUNK else max(await self._newer(position), _CHUNK)

    async def _newer(self, position: EntryId) -> int:
        """About how many entries come after one, where these are many: by their share of the time."""
        first: Any = await self._client.xrange(self._streams.predictions, count=1)
        last: Any = await self._client.xrevrange(self._streams.predictions, count=1)
        length = int(await self._client.xlen(self._streams.predictions))
        begin, end = (EntryId.parse(entry[0][0]).ms for entry in (first, last))
        return round(length * min(1.0, (end - position.ms) / max(end - begin, 1)))

    async def _write(self, kind: Kind, key: str, rows: Callable[..., Any], now_ms: int) -> Archived | None:
        """Write the next file of a kind; None where nothing is due."""
        with self._folder.locked():
            position = max(self._folder.position(kind), await self._cursor(key))
            entries = await self._due(key, position, now_ms)
            if not entries:
                return None
            archived: Archived = await rows(entries)
            first, last = EntryId.parse(entries[0][0]), EntryId.parse(entries[-1][0])
            await asyncio.to_thread(self._folder.write, kind, self._left(archived.table), first, last)
        await self._client.xgroup_setid(key, ARCHIVERS, str(last))
        return archived

    async def _due(self, key: str, position: EntryId, now_ms: int) -> list[Entry]:
        """The next entries of one day, if they fill a file or the first has waited long enough."""
        entries: list[Entry] = []
        after = position
        while len(entries) < self._archive.rows_per_file:
            found: Any = await self._client.xrange(key, f"({after}", "+", count=_CHUNK)
            if not found:
                break
            entries.extend(found)
            after = EntryId.parse(found[-1][0])
        if not entries:
            return []
        first = EntryId.parse(entries[0][0])
        entries = entries[: self._archive.rows_per_file]
        is_full = len(entries) == self._archive.rows_per_file
        same_day = [entry for entry in entries if day_of(EntryId.parse(entry[0])) == day_of(first)]
        is_over = len(same_day) < len(entries)
        has_waited = now_ms - first.ms >= self._archive.flush_s * 1000
        return same_day if is_full or is_over or has_waited else []

    async def _prediction_rows(self, entries: list[Entry]) -> Archived:
        ids = [_answered_entry(fields) for _, fields in entries]
        listings: dict[str, dict[bytes, bytes]] = {}
        for at in range(0, len(ids), _CHUNK):
            async with self._client.pipeline(transaction=False) as pipeline:
                for entry_id in ids[at : at + _CHUNK]:
                    pipeline.xrange(self._streams.listings, entry_id, entry_id)
                replies: Any = await pipeline.execute()
            listings |= {reply[0][0].decode(): reply[0][1] for reply in replies if reply}
        return await asyncio.to_thread(self._rows.of_predictions, entries, listings)

    async def _outcome_rows(self, entries: list[Entry]) -> Archived:
        return await asyncio.to_thread(self._rows.of_outcomes, entries)

    def _left(self, table: Any) -> Any:
        """The rows without those of subjects that were to be forgotten."""
        forgotten = self._folder.forgotten()
        if not forgotten or "subject" not in table.column_names:
            return table
        rows = zip(table.column("subject").to_pylist(), table.column("prediction_id").to_pylist(), strict=True)
        until = ((forgotten.get(hash_of(subject or "")), row) for subject, row in rows)
        keep = [end is None or EntryId.parse(row) > EntryId.parse(end) for end, row in until]
        return table.filter(keep)

    async def _cursor(self, key: str) -> EntryId:
        """Where the group stands; it is made where it is missing."""
        await create_group(self._client, key, ARCHIVERS)
        groups: Any = await self._client.xinfo_groups(key)
        cursors = {group["name"]: group["last-delivered-id"] for group in groups}
        return EntryId.parse(cursors[ARCHIVERS.encode()])

    async def _note_answered(self) -> tuple[str, EntryId] | None:
        """Up to which listing all are answered, and the last prediction at that moment or later."""
        if self._answered is None:
            low: Any = await self._client.hget(self._streams.progress, "low_water")
            newest: Any = await self._client.xrevrange(self._streams.predictions, count=1)
            if low and newest:
                self._answered = (low.decode(), EntryId.parse(newest[0][0]))
        return self._answered

    async def _release_listings(self, noted: tuple[str, EntryId] | None) -> None:
        """Let go of the listings whose predictions are all in the log."""
        if noted is None or self._folder.position("predictions") < noted[1]:
            return
        self._answered = None
        if EntryId.parse(noted[0]) > await self._cursor(self._streams.listings):
            await self._client.xgroup_setid(self._streams.listings, ARCHIVERS, noted[0])


def _answered_entry(fields: dict[bytes, bytes]) -> str:
    return str(msgspec.json.decode(fields[DATA_FIELD])["id"])
