"""Copies predictions and outcomes from the streams to the audit log, each exactly once.

The group `archivers` of each shard is only a cursor that keeps trimming from deleting what is not in the log yet;
nothing is pending in it. What the shard's next file holds is agreed on first (`monitoring.archive.plan`), then the file
is written, then the cursor moves. After a crash the file is written again, with the same rows. If Redis has lost its
newest writes, the names of the files say where to continue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis.asyncio

from monitoring.archive.erasing import without_erased
from monitoring.archive.files import EntrySpan
from monitoring.archive.folder import ArchiveFolder, ArchiveKind, day_of
from monitoring.archive.plan import ArchivePlan
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
        self._plan = ArchivePlan(client, self._streams.archive)
        self._shards = WatchedShardsAsync(client, self._streams)
        self._pruned_day = ""
        self._release_marks: dict[int, tuple[str, EntryId]] = {}

    async def run_once(self, now_ms: int) -> ArchiveProgress:
        """Write the rows that fill a file or have waited long enough, and delete days that are too old.

        Raises:
            redis.exceptions.RedisError: as the server answered.
            OSError: the folder cannot be written.
            ArchiveUnavailableError: the object store does not answer.
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
        await self._prune(now_ms)
        if without_features:
            logger.warning("archived without features", extra={"rows": without_features})
        return ArchiveProgress(predictions, without_features, outcomes)

    async def _prune(self, now_ms: int) -> None:
        """Delete days that are too old, once a day: listing an object store costs a request."""
        today = day_of(EntryId(now_ms, 0))
        if today != self._pruned_day:
            for kind in ("predictions", "outcomes"):
                await asyncio.to_thread(self._folder.prune, kind, self._archive.keep_days, now_ms)
            self._pruned_day = today

    async def find_older(self, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
        """Predictions in the log, by identity."""
        return await asyncio.to_thread(find_predictions, self._folder, self._domain, identities)

    async def lag(self) -> int:
        """Number of predictions that are not in the log yet; estimated from 1,000 on."""
        return sum([await self._lag_of(shard) for shard in await self._shards.read()])

    async def _lag_of(self, shard: Streams) -> int:
        position = await self._cursor(shard.predictions)
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
        span = await self._next_span(kind, key, shard, now_ms)
        if span is None:
            return None
        archived: ArchiveTable = await rows(await self._entries(key, span))
        await asyncio.to_thread(self._store, kind, archived.table, span)
        await self._client.xgroup_setid(key, ARCHIVERS, str(span.last))
        return archived

    async def _next_span(self, kind: ArchiveKind, key: str, shard: int, now_ms: int) -> EntrySpan | None:
        """What the next file holds: what was agreed on and is not done, or else what is due now."""
        while True:
            known, cursor = await self._plan.read(kind, shard), await self._cursor(key)
            if known is not None and known.last > cursor:
                return known
            span = await self._due_span(key, shard, cursor, now_ms)
            if span is None:
                return None
            position = await asyncio.to_thread(self._folder.position, kind, shard)
            if position > cursor:
                await self._client.xgroup_setid(key, ARCHIVERS, str(position))
            elif await self._plan.replace(kind, known, span):
                return span

    def _store(self, kind: ArchiveKind, table: Any, span: EntrySpan) -> None:
        """Write a file without the rows of erased subjects.

        An erasure does not wait for this: it is recorded first, and then rewrites the files that it finds. So a file
        that came after its search was written by someone who finds the record now.
        """
        erased = self._folder.erased_subjects()
        is_new = self._folder.write(kind, without_erased(table, erased), span)
        now_erased = self._folder.erased_subjects()
        if now_erased != erased or not is_new:
            file = self._folder.file_of(kind, span)
            stored = file.read()
            kept = without_erased(stored, now_erased)
            if kept.num_rows < stored.num_rows:
                file.write(kept)

    async def _entries(self, key: str, span: EntrySpan) -> list[RawEntry]:
        """The entries of a span."""
        entries: list[RawEntry] = []
        chunk: Any = await self._client.xrange(key, str(span.first), str(span.last), count=_CHUNK)
        while chunk:
            entries.extend(chunk)
            after = chunk[-1][0].decode()
            chunk = await self._client.xrange(key, f"({after}", str(span.last), count=_CHUNK)
        return entries

    async def _due_span(self, key: str, shard: int, position: EntryId, now_ms: int) -> EntrySpan | None:
        """The next entries of one day, if they fill a file or the first has waited long enough."""
        ids: list[EntryId] = []
        after = position
        while len(ids) < self._archive.rows_per_file:
            chunk: Any = await self._client.xrange(key, f"({after}", "+", count=_CHUNK)
            if not chunk:
                break
            ids.extend(EntryId.parse(entry_id) for entry_id, _ in chunk)
            after = ids[-1]
        if not ids:
            return None
        ids = ids[: self._archive.rows_per_file]
        same_day = [each for each in ids if day_of(each) == day_of(ids[0])]
        is_full = len(ids) == self._archive.rows_per_file
        is_over = len(same_day) < len(ids)
        has_waited = now_ms - ids[0].ms >= self._archive.flush_s * 1000
        return EntrySpan(same_day[0], same_day[-1], shard) if is_full or is_over or has_waited else None

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
        if mark is None or await self._cursor(shard.predictions) < mark[1]:
            return
        del self._release_marks[shard.shard]
        if EntryId.parse(mark[0]) > await self._cursor(shard.listings):
            await self._client.xgroup_setid(shard.listings, ARCHIVERS, mark[0])
