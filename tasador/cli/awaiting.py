"""Waits for the answers to the listings that a command publishes, and writes them to a file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
import redis.exceptions

from producer.answer_collector import AnswerCollector
from producer.answer_files import write_answers
from producer.answer_store import AnswerStore
from producer.reconnection import FIRST_PAUSE_S, LONGEST_PAUSE_S
from schemas.domain import Domain
from schemas.errors import NotConfirmedError
from schemas.streams import Streams
from transport.backoff import Backoff
from transport.connection import is_transient

_BLOCK_MS = 500


class AnswerWaiter:
    """The answers to one command's listings.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        store: must be empty.

    Raises:
        redis.exceptions.RedisError: a command failed for longer than `keep_through` allows.
    """

    def __init__(self, client: redis.Redis, streams: Streams, store: AnswerStore) -> None:
        self._store = store
        self._collector = AnswerCollector(client, streams, store)
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._reconnect_s = 0.0
        self._lost_s: float | None = None
        self._on_lost: Callable[[Exception], None] = lambda _: None

    def keep_through(self, reconnect_s: float, on_lost: Callable[[Exception], None]) -> None:
        """Go on after a lost connection from the last answer that was read; it may stay lost for `reconnect_s`."""
        self._reconnect_s = reconnect_s
        self._on_lost = on_lost

    def expect(self, entries: Sequence[str]) -> None:
        """Add listings to wait for, and read the answers that are there."""
        self._collector.cover(entries)
        self._store.add_entries(entries)
        self.poll()

    def poll(self) -> None:
        """Read the answers that are there; on a lost connection they are read later."""
        self._collect()

    def wait(self, timeout_s: float | None, on_progress: Callable[[int], None]) -> None:
        """Wait until every listing has its answer; `on_progress` gets the number of answers so far.

        Raises:
            NotConfirmedError: answers are missing after the timeout.
        """
        deadline = time.monotonic() + timeout_s if timeout_s is not None else None
        while self._store.answered < self._store.published:
            if deadline is not None and time.monotonic() > deadline:
                raise NotConfirmedError(f"not within {timeout_s:g} s: {self.describe_missing()}")
            if not self._collect(_BLOCK_MS):
                time.sleep(self._backoff.next_s())
            on_progress(self._store.answered)

    def describe_missing(self) -> str:
        """How many listings have no answer, and the first of their entry ids."""
        count = self._store.published - self._store.answered
        first = self._store.missing()
        more = ", …" if count > len(first) else ""
        return f"{count:,} of {self._store.published:,} listings have no answer yet (entries {', '.join(first)}{more})"

    def _collect(self, block_ms: int | None = None) -> bool:
        """Read answers; returns whether the connection holds."""
        try:
            self._collector.collect(block_ms)
        except redis.exceptions.RedisError as error:
            now = time.monotonic()
            self._lost_s = self._lost_s or now
            if not is_transient(error) or now - self._lost_s >= self._reconnect_s:
                raise
            self._on_lost(error)
            return False
        self._lost_s = None
        self._backoff.reset()
        return True

    def write(self, path: Path | None, domain: Domain) -> dict[str, int]:
        """Look up the first prediction of each repeat, write a row for each listing, and count the kinds of answers."""
        self._collector.find_repeats()
        if path is not None:
            write_answers(path, domain, self._store)
        return self._store.kinds()


@contextmanager
def open_answer_waiter(client: redis.Redis, streams: Streams, answers: Path | None) -> Iterator[AnswerWaiter]:
    """Collect answers from now on, in a temporary file beside the file that they will be written to."""
    # the system's folder for temporary files may be in memory
    with tempfile.TemporaryDirectory(prefix=".tasador-", dir=answers.parent if answers else None) as folder:
        store = AnswerStore(Path(folder, "answers"))
        try:
            yield AnswerWaiter(client, streams, store)
        finally:
            store.close()
