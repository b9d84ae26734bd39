"""The newest rows of the window, read from Redis and cut into current windows that do not overlap."""

from __future__ import annotations

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
from schemas.window import row_dtype, unpack_rows
from transport.entries import EntryId

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class RecentRows:
    """Rows of the window, oldest first.

    Attributes:
        rows: packed rows, as `schemas.window.row_dtype` lays them out.
        activations: for each row, of the model that predicted.
        scored: predictions made by the batches read, sampled or not.
        total: their sum.
        skipped: entries that were written for other columns.
        newest: id of the newest entry of the window; "" where there is none.
    """

    rows: NDArray[np.void]
    activations: NDArray[np.str_]
    scored: int
    total: float
    skipped: int
    newest: str


async def newest_entry(client: redis.asyncio.Redis, key: str) -> str:
    """The id of the newest entry of a stream; "" where there is none."""
    found: Any = await client.xrevrange(key, count=1)
    return found[0][0].decode() if found else ""


async def read_recent(client: redis.asyncio.Redis, key: str, domain: Domain, wanted: int) -> RecentRows:
    """Read the newest entries of the window until they hold `wanted` rows, or there are no more."""
    chunks: list[NDArray[np.void]] = []
    activations: list[NDArray[np.str_]] = []
    rows = scored = skipped = 0
    total, last, newest = 0.0, "+", ""
    while rows < wanted:
        entries: Any = await client.xrevrange(key, last, "-", count=_CHUNK)
        if not entries:
            break
        newest = newest or entries[0][0].decode()
        last = f"({entries[-1][0].decode()}"
        for _, fields in entries:
            try:
                chunk = unpack_rows(domain, fields)
            except ValueError:
                skipped += 1
                continue
            chunks.append(chunk)
            activations.append(np.full(len(chunk), fields[b"activation"].decode()))
            scored, total, rows = scored + int(fields[b"count"]), total + float(fields[b"sum"]), rows + len(chunk)
            if rows >= wanted:
                break
    # each begins with an empty part, since there may be no others
    packed = np.concatenate([np.empty(0, dtype=row_dtype(domain)), *reversed(chunks)])
    stamps = np.concatenate([np.empty(0, dtype="<U1"), *reversed(activations)])
    return RecentRows(packed, stamps, scored, total, skipped, newest)


def cut_windows(rows: int, limits: DriftSettings) -> list[slice]:
    """Where the windows lie among so many rows, newest first.

    Windows are as large as the rows allow, between `min_rows` and `window_rows`; one that would be smaller is left out
    unless it is the only one.
    """
    size = min(limits.window_rows, max(rows // limits.windows, limits.min_rows))
    ends = [rows - number * size for number in range(limits.windows) if rows - number * size >= size]
    return [slice(end - size, end) for end in ends] or ([slice(0, rows)] if rows else [])


def columns_of(domain: Domain, recent: RecentRows, cut: slice, activation: str) -> list[Column]:
    """The columns of one window: the features of all its rows, and the predictions of the active model alone.

    Another model's predictions differ for reasons of their own.
    """
    rows = recent.rows[cut]
    predictions = rows["prediction"][recent.activations[cut] == activation]
    return [*feature_columns(domain, rows["features"]), answer_column(domain, "prediction", predictions)]


def span_of(recent: RecentRows, cut: slice) -> WindowSpan:
    """What a window is: how many rows, and the entry ids of the listings at its ends."""
    rows = recent.rows[cut]
    first, last = (str(EntryId(int(rows[end]["ms"]), int(rows[end]["seq"]))) for end in (0, -1))
    return WindowSpan(rows=len(rows), first=first, last=last)


def columns_by_window(domain: Domain, recent: RecentRows, cuts: Sequence[slice], activation: str) -> list[list[Column]]:
    """`columns_of` for each window."""
    return [columns_of(domain, recent, cut, activation) for cut in cuts]
