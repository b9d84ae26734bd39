"""Reads the newest rows of the window from Redis and cuts them into current windows that do not overlap."""

from __future__ import annotations

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
        rows: packed rows, laid out by `schemas.window.row_dtype`.
        activations: for each row, the activation of the model that predicted.
        scored: number of predictions in the batches read, sampled or not.
        total: sum of these predictions.
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
    entries: Any = await client.xrevrange(key, count=1)
    return entries[0][0].decode() if entries else ""


async def read_recent(client: redis.asyncio.Redis, key: str, domain: Domain, max_rows: int) -> RecentRows:
    """Read the newest entries of the window until they hold `max_rows` rows, or there are no more."""
    chunks: list[NDArray[np.void]] = []
    activations: list[NDArray[np.str_]] = []
    rows = scored = skipped = 0
    total, last, newest = 0.0, "+", ""
    while rows < max_rows:
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
            if rows >= max_rows:
                break
    # start with an empty array, because concatenate needs at least one
    packed = np.concatenate([np.empty(0, dtype=row_dtype(domain)), *reversed(chunks)])
    stamps = np.concatenate([np.empty(0, dtype="<U1"), *reversed(activations)])
    return RecentRows(packed, stamps, scored, total, skipped, newest)


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
    """The number of rows in a window, and the entry ids of its first and last listing."""
    rows = recent.rows[cut]
    first, last = (str(EntryId(int(rows[end]["ms"]), int(rows[end]["seq"]))) for end in (0, -1))
    return WindowSpan(rows=len(rows), first=first, last=last)
