"""The asker of synchronous programs: a stream of replies in each shard, read by one thread, for all its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

import redis

from producer.replies import ReplyMatcher, answer_of, new_reply_name, not_answered, with_prediction
from producer.reply_reader import FAILURES, ReplyReader
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.shards import split_entry
from schemas.streams import Streams
from transport.reading import entry_at


class Asker:
    """Publishes listings and waits for their answers.

    Args:
        client: its threads take a connection each; replies must be bytes.
        streams: the domain's keys.
        send: publishes one event with a reply name, after `cover`, and returns its entry.
    """

    def __init__(self, client: redis.Redis, streams: Streams, send: Callable[[bytes, str], str]) -> None:
        self._client = client
        self._streams = streams
        self._send = send
        self._name = new_reply_name()
        self._matcher = ReplyMatcher()
        self._starting = threading.Lock()
        self._readers: list[ReplyReader] = []

    def cover(self, shards: int) -> None:
        """Read replies in so many shards, at least.

        Raises:
            redis.exceptions.RedisError: a stream of replies cannot be created.
        """
        with self._starting:
            for number in range(len(self._readers), shards):
                reader = ReplyReader(self._client, self._streams.of_shard(number), self._name, self._matcher)
                self._readers.append(reader)
            for reader in self._readers:
                reader.ensure()

    def ask(self, payload: bytes, timeout_s: float) -> Prediction | DeadLetter | Repeat:
        """Publish one event, and wait for its answer.

        Raises:
            NotAnsweredError: it did not come in time.
            PublishError: as `send`.
        """
        waiter: Future[bytes] = Future()
        with self._matcher.sending():
            entry = self._send(payload, self._name)
            self._matcher.expect(entry, waiter)
        try:
            answer = answer_of(waiter.result(timeout_s))
        except TimeoutError:
            raise not_answered(entry, timeout_s) from None
        finally:
            self._matcher.forget(entry)
        if isinstance(answer, Repeat) and answer.data.first:
            shard, first = split_entry(answer.data.first)
            # a repeat is an answer even if its prediction cannot be read
            with suppress(*FAILURES):
                return with_prediction(answer, entry_at(self._client, self._streams.of_shard(shard).predictions, first))
        return answer

    def close(self) -> None:
        """Stop reading, and remove the streams; does nothing if nothing was asked."""
        for reader in self._readers:
            reader.close()
