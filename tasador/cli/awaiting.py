"""Waiting for the answers to what a command publishes, and writing them where the command says."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from producer.answer_collector import AnswerCollector
from producer.answer_files import write_answers
from producer.answer_store import AnswerStore
from schemas.domain import Domain
from schemas.errors import NotConfirmedError
from schemas.streams import Streams

_BLOCK_MS = 500


class Awaited:
    """The answers to one command's listings.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        book: an empty one.

    Raises:
        redis.exceptions.RedisError: as the server answered, here and in all that follows.
    """

    def __init__(self, client: redis.Redis, streams: Streams, book: AnswerStore) -> None:
        self._book = book
        self._collector = AnswerCollector(client, streams, book)

    @property
    def answered(self) -> int:
        """How many have their answer."""
        return self._book.answered

    def published(self, entry_ids: Sequence[str]) -> None:
        """Expect answers to these."""
        self._book.add_entries(entry_ids)
        self.look()

    def look(self) -> None:
        """Take in what has been answered by now."""
        self._collector.collect()

    def wait(self, timeout_s: float | None, tell: Callable[[int], None]) -> None:
        """Wait until every listing has its answer, telling now and then how many have.

        Raises:
            NotConfirmedError: not within so many seconds.
        """
        deadline = time.monotonic() + timeout_s if timeout_s is not None else None
        while self._book.answered < self._book.published:
            if deadline is not None and time.monotonic() > deadline:
                raise NotConfirmedError(f"not within {timeout_s:g} s: {self.what_is_missing()}")
            self._collector.collect(_BLOCK_MS)
            tell(self._book.answered)

    def what_is_missing(self) -> str:
        """How many have no answer, and the first of them."""
        left = self._book.published - self._book.answered
        named = self._book.missing()
        more = ", …" if left > len(named) else ""
        return f"{left:,} of {self._book.published:,} listings have no answer yet (entries {', '.join(named)}{more})"

    def write(self, path: Path | None, domain: Domain) -> dict[str, int]:
        """Look up what repeats were predicted before, and write a row for each listing; how many of each kind."""
        self._collector.find_repeats()
        if path is not None:
            write_answers(path, domain, self._book)
        return self._book.kinds()


@contextmanager
def awaited_answers(client: redis.Redis, streams: Streams, beside: Path | None) -> Iterator[Awaited]:
    """Answers from this moment on, noted in a temporary file beside the one that will hold them."""
    # the system's own folder for temporary files may lie in memory
    with tempfile.TemporaryDirectory(prefix=".tasador-", dir=beside.parent if beside else None) as folder:
        book = AnswerStore(Path(folder, "answers"))
        try:
            yield Awaited(client, streams, book)
        finally:
            book.close()
