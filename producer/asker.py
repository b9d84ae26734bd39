"""The asker of synchronous programs: one stream of replies, read by one thread, for the listings of all threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
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
    answer_of,
    new_reply_name,
    not_answered,
    with_prediction,
)
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.streams import Streams
from transport.backoff import Backoff
from transport.reading import entry_at

_FAILURES = (redis.exceptions.RedisError, OSError)


class Asker:
    """Publishes listings and waits for their answers.

    Args:
        client: its threads take a connection each; replies must be bytes.
        streams: the domain's keys.
        send: publishes one event with a reply name, and returns its entry id.
    """

    def __init__(self, client: redis.Redis, streams: Streams, send: Callable[[bytes, str], str]) -> None:
        self._client = client
        self._streams = streams
        self._send = send
        self._name = new_reply_name()
        self._key = streams.replies(self._name)
        self._read_until = BEGINNING
        self._matcher = ReplyMatcher()
        self._starting = threading.Lock()
        self._closing = threading.Event()
        self._reader: threading.Thread | None = None

    def ask(self, payload: bytes, timeout_s: float) -> Prediction | DeadLetter | Repeat:
        """Publish one event, and wait for its answer.

        Raises:
            NotAnsweredError: it did not come in time.
            redis.exceptions.RedisError: the stream of replies cannot be made; nothing was sent.
            PublishError: as `send`.
        """
        self._ensure_reader()
        waiter: Future[bytes] = Future()
        with self._matcher.sending():
            entry_id = self._send(payload, self._name)
            self._matcher.expect(entry_id, waiter)
        try:
            answer = answer_of(waiter.result(timeout_s))
        except TimeoutError:
            raise not_answered(entry_id, timeout_s) from None
        finally:
            self._matcher.forget(entry_id)
        if isinstance(answer, Repeat) and answer.data.first:
            # a repeat is an answer even if its prediction cannot be read
            with suppress(*_FAILURES):
                return with_prediction(answer, entry_at(self._client, self._streams.predictions, answer.data.first))
        return answer

    def close(self) -> None:
        """Stop reading, and remove the stream; does nothing if nothing was asked."""
        self._closing.set()
        if self._reader is None:
            return
        with suppress(*_FAILURES):
            # wakes the reader
            self._client.xadd(self._key, {"asker": "closed"}, nomkstream=True)
        self._reader.join()
        with suppress(*_FAILURES):
            self._client.delete(self._key)

    def _ensure_reader(self) -> None:
        with self._starting:
            if self._reader is None or not self._reader.is_alive():
                self._open()
                self._reader = threading.Thread(target=self._read, name=self._name, daemon=True)
                self._reader.start()

    def _open(self) -> None:
        """Make the stream; what was read of an earlier one says nothing about where to read this one."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(self._key, {"asker": self._name})
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.execute()
        self._read_until = BEGINNING

    def _read(self) -> None:
        backoff, next_refresh_s = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), 0.0
        while not self._closing.is_set():
            try:
                if time.monotonic() >= next_refresh_s:
                    self._refresh()
                    next_refresh_s = time.monotonic() + REFRESH_S
                reply: Any = self._client.xread({self._key: self._read_until}, CHUNK, BLOCK_MS)
            except _FAILURES:
                # listings that wait get their answers when Redis is back; the stream may be gone by then
                next_refresh_s = 0.0
                self._closing.wait(backoff.next_s())
                continue
            backoff.reset()
            for _, entries in reply or ():
                self._read_until = entries[-1][0]
                self._matcher.receive(fields for _, fields in entries)

    def _refresh(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.xtrim(self._key, minid=self._read_until, approximate=False)
        is_kept, _ = pipeline.execute()
        if not is_kept:
            self._open()
