"""Reads one stream of replies in a task: that of an asker in one shard."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import redis.asyncio
import redis.exceptions

from producer.replies import (
    BEGINNING,
    BLOCK_MS,
    CHUNK,
    EXPIRES_MS,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    REFRESH_S,
    ReplyMatcher,
)
from producer.reply_reader import FAILURES
from schemas.streams import Streams
from transport.backoff import OutageBackoff


class AsyncReplyReader:
    """`ReplyReader` with awaited calls; `client` and the others are as there."""

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, name: str, matcher: ReplyMatcher) -> None:
        self._client = client
        self._shard = streams.shard
        self._name = name
        self._key = streams.replies(name)
        self._matcher = matcher
        self._read_until = BEGINNING
        self._starting = asyncio.Lock()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_reading(self) -> bool:
        """Whether the stream exists as far as is known, and is read."""
        return self._task is not None and not self._task.done()

    async def ensure(self) -> None:
        """Create the stream, and read it from now on, unless that is so; raises as `ReplyReader.ensure`."""
        async with self._starting:
            if not self.is_reading:
                await self._open()
                self._task = asyncio.create_task(self._read(), name=self._name)

    async def aclose(self) -> None:
        """Stop reading, and remove the stream."""
        self._closing.set()
        if self._task is None:
            return
        with suppress(*FAILURES):
            # wakes the reader, which is not cancelled: redis-py may take a cancellation for a timeout
            await self._client.xadd(self._key, {"asker": "closed"}, nomkstream=True)
        await asyncio.wait([self._task])
        with suppress(*FAILURES):
            await self._client.delete(self._key)

    async def _open(self) -> None:
        """Make the stream; what was read of an earlier one says nothing about where to read this one."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(self._key, {"asker": self._name})
        pipeline.pexpire(self._key, EXPIRES_MS)
        await pipeline.execute()
        self._read_until = BEGINNING

    async def _read(self) -> None:
        backoff, next_refresh_s = OutageBackoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), 0.0
        while not self._closing.is_set():
            try:
                if time.monotonic() >= next_refresh_s:
                    await self._refresh()
                    next_refresh_s = time.monotonic() + REFRESH_S
                reply: Any = await self._client.xread({self._key: self._read_until}, CHUNK, BLOCK_MS)
            except FAILURES:
                # listings that wait get their answers when Redis is back; the stream may be gone by then
                next_refresh_s = 0.0
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), backoff.next_s())
                continue
            backoff.reset()
            for _, entries in reply or ():
                self._read_until = entries[-1][0]
                self._matcher.receive((fields for _, fields in entries), self._shard)

    async def _refresh(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.xtrim(self._key, minid=self._read_until, approximate=False)
        is_kept, _ = await pipeline.execute()
        if not is_kept:
            await self._open()
