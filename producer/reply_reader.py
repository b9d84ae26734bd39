"""Reads one stream of replies in a thread: that of an asker in one shard."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import redis
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
from schemas.streams import Streams
from transport.backoff import OutageBackoff

FAILURES = (redis.exceptions.RedisError, OSError)


class ReplyReader:
    """Creates a stream of replies, keeps it from expiring, and hands over what is read.

    Args:
        client: its thread takes a connection; replies must be bytes.
        streams: the shard's keys.
        name: of the stream.
        matcher: gets the replies.
    """

    def __init__(self, client: redis.Redis, streams: Streams, name: str, matcher: ReplyMatcher) -> None:
        self._client = client
        self._shard = streams.shard
        self._name = name
        self._key = streams.replies(name)
        self._matcher = matcher
        self._read_until = BEGINNING
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Create the stream, and read it from now on, unless that is so.

        Raises:
            redis.exceptions.RedisError: the stream cannot be created.
        """
        if self._thread is None or not self._thread.is_alive():
            self._open()
            self._thread = threading.Thread(target=self._read, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop reading, and remove the stream."""
        self._closing.set()
        if self._thread is None:
            return
        with suppress(*FAILURES):
            # wakes the reader
            self._client.xadd(self._key, {"asker": "closed"}, nomkstream=True)
        self._thread.join()
        with suppress(*FAILURES):
            self._client.delete(self._key)

    def _open(self) -> None:
        """Make the stream; what was read of an earlier one says nothing about where to read this one."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(self._key, {"asker": self._name})
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.execute()
        self._read_until = BEGINNING

    def _read(self) -> None:
        backoff, next_refresh_s = OutageBackoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), 0.0
        while not self._closing.is_set():
            try:
                if time.monotonic() >= next_refresh_s:
                    self._refresh()
                    next_refresh_s = time.monotonic() + REFRESH_S
                reply: Any = self._client.xread({self._key: self._read_until}, CHUNK, BLOCK_MS)
            except FAILURES:
                # listings that wait get their answers when Redis is back; the stream may be gone by then
                next_refresh_s = 0.0
                self._closing.wait(backoff.next_s())
                continue
            backoff.reset()
            for _, entries in reply or ():
                self._read_until = entries[-1][0]
                self._matcher.receive((fields for _, fields in entries), self._shard)

    def _refresh(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.xtrim(self._key, minid=self._read_until, approximate=False)
        is_kept, _ = pipeline.execute()
        if not is_kept:
            self._open()
