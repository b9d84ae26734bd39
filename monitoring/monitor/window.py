"""Reads the newest rows of all shards' windows from Redis and cuts them into current windows that do not overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis.asyncio
from numpy.typing import NDArray

from monitoring.drift.columns import Column, answer_column, feature_columns
from schemas.domain import Domain
from schemas.drift import WindowSpan
from schemas.sections import DriftSettings
from schemas.shards import entry_name
from schemas.streams import Streams
from schemas.window import row_dtype, unpack_rows
from transport.entries import EntryId
from transport.reading import RawEntry

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class RecentRows:
    """Rows of the window, oldest first.

    Attributes:
        rows: packed rows, laid out by `schemas.window.row_dtype`.
        activations: for each row, the activation of the model that predicted.
        shards: for each row, its shard.
        scored: number of predictions in the batches read, sampled or not.
        total: sum of these predictions.
        skipped: entries that were written for other columns.
        newest: by shard, the id of its newest entry; "" where there is none.
    """

    rows: NDArray[np.void]
    activations: NDArray[np.str_]
    shards: NDArray[np.int32]
    scored: int
    total: float
    skipped: int
    newest: tuple[str, ...]


class _Backwards:
    """The window of one shard, from its newest entry on."""

    def __init__(self, client: redis.asyncio.Redis, shard: Streams) -> None:
        self._client = client
        self._key = shard.window
        self._last = "+"
        self._entries: deque[RawEntry] = deque()
        self.shard = shard.shard
        self.newest = ""

    async def fetch(self) -> bool:
        """Whether there is a next entry; reads some more if none is left."""
        if not self._entries:
            entries: Any = await self._client.xrevrange(self._key, self._last, "-", count=_CHUNK)
            if entries:
                self.newest = self.newest or entries[0][0].decode()
                self._last = f"({entries[-1][0].decode()}"
                self._entries.extend(entries)
        return bool(self._entries)

    @property
    def next_id(self) -> EntryId:
        """The id of the entry that `take` gives next."""
        return EntryId.parse(self._entries[0][0])

    def take(self) -> dict[bytes, bytes]:
        """The fields of the next entry."""
        return self._entries.popleft()[1]


async def newest_entries(client: redis.asyncio.Redis, shards: Sequence[Streams]) -> tuple[str, ...]:
    """By shard, the id of the newest entry of its window; "" where there is none."""
    found: list[Any] = [await client.xrevrange(shard.window, count=1) for shard in shards]
    return tuple(entries[0][0].decode() if entries else "" for entries in found)


async def read_recent(
    client: redis.asyncio.Redis, shards: Sequence[Streams], domain: Domain, max_rows: int
) -> RecentRows:
    """Read the newest entries of all shards' windows until they hold `max_rows` rows, or there are no more."""
    chunks: list[NDArray[np.void]] = []
    activations: list[NDArray[np.str_]] = []
    numbers: list[NDArray[np.int32]] = []
    rows = scored = skipped = 0
    total = 0.0
    windows = [_Backwards(client, shard) for shard in shards]
    while rows < max_rows:
        left = [window for window in windows if await window.fetch()]
        if not left:
            break
        window = max(left, key=lambda window: window.next_id) if len(left) > 1 else left[0]
        fields = window.take()
        try:
            chunk = unpack_rows(domain, fields)
        except ValueError:
            skipped += 1
            continue
        chunks.append(chunk)
        activations.append(np.full(len(chunk), fields[b"activation"].decode()))
        numbers.append(np.full(len(chunk), window.shard, np.int32))
        scored, total, rows = scored + int(fields[b"count"]), total + float(fields[b"sum"]), rows + len(chunk)
    # start with an empty array, because concatenate needs at least one
    return RecentRows(
        rows=np.concatenate([np.empty(0, dtype=row_dtype(domain)), *reversed(chunks)]),
        activations=np.concatenate([np.empty(0, dtype="<U1"), *reversed(activations)]),
        shards=np.concatenate([np.empty(0, dtype=np.int32), *reversed(numbers)]),
        scored=scored,
        total=total,
        skipped=skipped,
        newest=tuple(window.newest for window in windows),
    )


def cut_windows(rows: int, limits: DriftSettings) -> list[slice]:
    """The windows of a number of rows, newest first.

    Windows are as large as the rows allow, between `min_rows` and `window_rows`; a smaller one is left out unless it is
    the only one.
    """
    size = min(limits.window_rows, max(rows // limits.windows, limits.min_rows))
    ends = [rows - number * size for number in range(limits.windows) if rows - number * size >= size]
    return [slice(end - size, end) for end in ends] or ([slice(0, rows)] if rows else [])


def columns_of(domain: Domain, recent: RecentRows, cut: slice, activation: str) -> list[Column]:
    """The columns of one window: the features of all its rows, and the predictions of the active model only.

    The predictions of another model would differ without any drift.
    """
    rows = recent.rows[cut]
    predictions = rows["prediction"][recent.activations[cut] == activation]
    return [*feature_columns(domain, rows["features"]), answer_column(domain, "prediction", predictions)]


def span_of(recent: RecentRows, cut: slice) -> WindowSpan:
    """The number of rows in a window, and the names of its first and last listing's entries."""
    rows, shards = recent.rows[cut], recent.shards[cut]
    ids = (str(EntryId(int(rows[end]["ms"]), int(rows[end]["seq"]))) for end in (0, -1))
    first, last = (entry_name(int(shards[end]), each) for end, each in zip((0, -1), ids, strict=True))
    return WindowSpan(rows=len(rows), first=first, last=last)
