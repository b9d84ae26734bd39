"""Copies predictions and outcomes from the streams to the audit log, each exactly once.

The group `archivers` of each shard is only a cursor that keeps trimming from deleting what is not in the log yet;
nothing is pending in it. It is moved after a file has been renamed into place. After a crash, the file names say where
to continue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis.asyncio

from monitoring.archive.folder import ArchiveFolder, ArchiveKind, day_of, hash_of
from monitoring.archive.reading import find_predictions
from monitoring.archive.rows import ArchiveRows, ArchiveTable
from monitoring.outcomes.prediction_index import IndexedPrediction
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import ARCHIVERS, Streams
from transport.answers import answered_entry
from transport.consumer_group import create_group
from transport.entries import EntryId
from transport.reading import RawEntry
from transport.watched_shards import WatchedShardsAsync

logger = logging.getLogger(__name__)

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class ArchiveProgress:
    """Rows that one round wrote.

    Attributes:
        predictions: rows of predictions.
        without_features: how many of them lack features because their listing was trimmed.
        outcomes: rows of outcomes.
    """

    predictions: int = 0
    without_features: int = 0
    outcomes: int = 0


class Archiver:
    """Writes the audit log of one domain.

    Args:
        client: replies must be bytes.
        settings: keys, limits and archive settings of the domain.
        domain: its features and target become columns.
        folder: the folder to write to.

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
        self._shards = WatchedShardsAsync(client, settings.streams)
        self._release_marks: dict[int, tuple[str, EntryId]] = {}

    async def run_once(self, now_ms: int) -> ArchiveProgress:
        """Write the rows that fill a file or have waited long enough, and delete days that are too old.

        Raises:
            redis.exceptions.RedisError: as the server answered.
            OSError: the folder cannot be written.
        """
        predictions = without_features = outcomes = 0
        for shard in await self._shards.read():
            while True:
                mark = await self._read_release_mark(shard)
                rows = partial(self._prediction_rows, shard)
                written = await self._write("predictions", shard.predictions, rows, now_ms, shard.shard)
                if written is None:
                    break
                predictions += written.table.num_rows
                without_features += written.without_features
                await self._release_listings(shard, mark)
        while (file := await self._write("outcomes", self._streams.outcomes, self._outcome_rows, now_ms)) is not None:
            outcomes += file.table.num_rows
        for kind in ("predictions", "outcomes"):
            await asyncio.to_thread(self._folder.prune, kind, self._archive.keep_days, now_ms)
        if without_features:
            logger.warning("archived without features", extra={"rows": without_features})
        return ArchiveProgress(predictions, without_features, outcomes)

    async def find_older(self, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
        """Predictions in the log, by identity."""
        return await asyncio.to_thread(find_predictions, self._folder, self._domain, identities)

    async def lag(self) -> int:
        """Number of predictions that are not in the log yet; estimated from 1,000 on."""
        return sum([await self._lag_of(shard) for shard in await self._shards.read()])

    async def _lag_of(self, shard: Streams) -> int:
        position = await asyncio.to_thread(self._folder.position, "predictions", shard.shard)
        entries: Any = await self._client.xrange(shard.predictions, f"({position}", "+", count=_CHUNK)
        return len(entries) if len(entries) < _CHUNK else max(await self._estimate_lag(shard, position), _CHUNK)

    async def _estimate_lag(self, shard: Streams, position: EntryId) -> int:
        """Estimate how many entries follow one, by its share of the stream's time span."""
        first: Any = await self._client.xrange(shard.predictions, count=1)
        last: Any = await self._client.xrevrange(shard.predictions, count=1)
        length = int(await self._client.xlen(shard.predictions))
        begin, end = (EntryId.parse(entry[0][0]).ms for entry in (first, last))
        return round(length * min(1.0, (end - position.ms) / max(end - begin, 1)))

    async def _write(
        self, kind: ArchiveKind, key: str, rows: Callable[[list[RawEntry]], Any], now_ms: int, shard: int = 0
    ) -> ArchiveTable | None:
        """Write the next file of a kind; None if nothing is due."""
        with self._folder.locked():
            position = max(self._folder.position(kind, shard), await self._cursor(key))
            entries = await self._due_entries(key, position, now_ms)
            if not entries:
                return None
            archived: ArchiveTable = await rows(entries)
            first, last = EntryId.parse(entries[0][0]), EntryId.parse(entries[-1][0])
            await asyncio.to_thread(self._folder.write, kind, self._without_erased(archived.table), first, last, shard)
        await self._client.xgroup_setid(key, ARCHIVERS, str(last))
        return archived

    async def _due_entries(self, key: str, position: EntryId, now_ms: int) -> list[RawEntry]:
        """The next entries of one day, if they fill a file or the first has waited long enough."""
        entries: list[RawEntry] = []
        after = position
        while len(entries) < self._archive.rows_per_file:
            chunk: Any = await self._client.xrange(key, f"({after}", "+", count=_CHUNK)
            if not chunk:
                break
            entries.extend(chunk)
            after = EntryId.parse(chunk[-1][0])
        if not entries:
            return []
        first = EntryId.parse(entries[0][0])
        entries = entries[: self._archive.rows_per_file]
        is_full = len(entries) == self._archive.rows_per_file
        same_day = [entry for entry in entries if day_of(EntryId.parse(entry[0])) == day_of(first)]
        is_over = len(same_day) < len(entries)
        has_waited = now_ms - first.ms >= self._archive.flush_s * 1000
        return same_day if is_full or is_over or has_waited else []

    async def _prediction_rows(self, shard: Streams, entries: list[RawEntry]) -> ArchiveTable:
        ids = [answered_entry(fields) for _, fields in entries]
        listings: dict[str, dict[bytes, bytes]] = {}
        for start in range(0, len(ids), _CHUNK):
            async with self._client.pipeline(transaction=False) as pipeline:
                for entry_id in ids[start : start + _CHUNK]:
                    pipeline.xrange(shard.listings, entry_id, entry_id)
                replies: Any = await pipeline.execute()
            listings |= {reply[0][0].decode(): reply[0][1] for reply in replies if reply}
        return await asyncio.to_thread(self._rows.of_predictions, entries, listings, shard.shard)

    async def _outcome_rows(self, entries: list[RawEntry]) -> ArchiveTable:
        return await asyncio.to_thread(self._rows.of_outcomes, entries)

    def _without_erased(self, table: Any) -> Any:
        """The rows without those of erased subjects."""
        erased = self._folder.erased_subjects()
        if not erased or "subject" not in table.column_names:
            return table
        rows = zip(table.column("subject").to_pylist(), table.column("prediction_id").to_pylist(), strict=True)
        ends = ((erased.get(hash_of(subject or "")), prediction_id) for subject, prediction_id in rows)
        return table.filter([end is None or EntryId.parse(each) > EntryId.parse(end) for end, each in ends])

    async def _cursor(self, key: str) -> EntryId:
        """The last delivered id of the group, which is created if it is missing."""
        await create_group(self._client, key, ARCHIVERS)
        groups: Any = await self._client.xinfo_groups(key)
        cursors = {group["name"]: group["last-delivered-id"] for group in groups}
        return EntryId.parse(cursors[ARCHIVERS.encode()])

    async def _read_release_mark(self, shard: Streams) -> tuple[str, EntryId] | None:
        """The low-water mark of a shard's `listings`, and the last prediction at that moment or later.

        Listings up to the mark are no longer needed once that prediction is in the log.
        """
        if shard.shard not in self._release_marks:
            low_water: Any = await self._client.hget(shard.progress, "low_water")
            newest: Any = await self._client.xrevrange(shard.predictions, count=1)
            if low_water and newest:
                self._release_marks[shard.shard] = (low_water.decode(), EntryId.parse(newest[0][0]))
        return self._release_marks.get(shard.shard)

    async def _release_listings(self, shard: Streams, mark: tuple[str, EntryId] | None) -> None:
        """Allow trimming of the listings up to the mark, if their predictions are all in the log."""
        if mark is None or self._folder.position("predictions", shard.shard) < mark[1]:
            return
        del self._release_marks[shard.shard]
        if EntryId.parse(mark[0]) > await self._cursor(shard.listings):
            await self._client.xgroup_setid(shard.listings, ARCHIVERS, mark[0])
