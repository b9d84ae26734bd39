"""Replies to the listings of one asker: its stream, which reply belongs to which listing, and the answer in it."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec
from pydantic import TypeAdapter

from schemas.errors import NotAnsweredError
from schemas.events import DeadLetter, ListingAnswer, Prediction, Repeat
from schemas.shards import entry_name
from schemas.streams import DATA_FIELD
from transport.answers import answered_entry

EXPIRES_MS = 60_000
"""A stream of replies expires so long after its asker has last refreshed it."""
REFRESH_S = 1.0
"""The interval at which an asker refreshes its stream, and trims what it has read."""
BLOCK_MS = 1000
CHUNK = 1000
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
BEGINNING = b"0-0"
_MAX_EARLY = 10_000

_parse = TypeAdapter[Prediction | DeadLetter | Repeat](ListingAnswer).validate_json


def new_reply_name() -> str:
    """A name for the stream of one asker, which no other has."""
    return f"ask-{uuid.uuid4().hex}"


class ReplyWaiter(Protocol):
    """A future of threads or of asyncio that gets the JSON of an answer."""

    def done(self) -> bool:
        """Whether it has a result, or nobody waits for it any more."""

    def set_result(self, result: bytes, /) -> None:
        """Hand over the JSON."""


class _Place(NamedTuple):
    """The waiter for one reply of a collector."""

    collector: ReplyCollector
    number: int

    def done(self) -> bool:
        return self.collector.is_complete.done()

    def set_result(self, reply: bytes, /) -> None:
        self.collector.put(self.number, reply)


class ReplyCollector:
    """Collects the replies to events that were sent together, with one future for all of them.

    Args:
        count: how many replies are expected; at least one.
        is_complete: done when all of them have come.

    Attributes:
        replies: the JSON of each answer, in the order of the events; None as long as it has not come.
        is_complete: as given.
    """

    def __init__(self, count: int, is_complete: asyncio.Future[None]) -> None:
        self.replies: list[bytes | None] = [None] * count
        self.is_complete = is_complete
        self._missing = count

    def waiter(self, number: int) -> ReplyWaiter:
        """The waiter for the reply to the event at this position."""
        return _Place(self, number)

    def put(self, number: int, reply: bytes) -> None:
        """Keep the reply to the event at this position; it comes once."""
        self.replies[number] = reply
        self._missing -= 1
        if not self._missing:
            self.is_complete.set_result(None)


class ReplyMatcher:
    """Gives each reply to the listing that waits for it, by the entry that it answers. Threads may share it.

    A reply can overtake the reply to the XADD of its listing, so replies to unknown entries are kept while a listing is
    being sent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, ReplyWaiter] = {}
        self._early: dict[str, bytes] = {}
        self._sending = 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Keep replies to unknown entries during this block, at whose end the entry must be expected."""
        self.begin_sending()
        try:
            yield
        finally:
            self.end_sending()

    def begin_sending(self) -> None:
        """Keep replies to unknown entries until `end_sending`, for which an entry must be expected."""
        with self._lock:
            self._sending += 1

    def end_sending(self) -> None:
        """End what `begin_sending` began."""
        with self._lock:
            self._sending -= 1
            if not self._sending:
                self._early.clear()

    def expect(self, entry_id: str, waiter: ReplyWaiter) -> None:
        """Let a waiter have the reply to an entry, which may have come already."""
        with self._lock:
            reply = self._early.pop(entry_id, None)
            if reply is None:
                self._waiting[entry_id] = waiter
        if reply is not None:
            waiter.set_result(reply)

    def forget(self, entry_id: str) -> None:
        """Wait no longer for the reply to an entry."""
        with self._lock:
            self._waiting.pop(entry_id, None)

    def receive(self, entries: Iterable[Mapping[bytes, bytes]], shard: int = 0) -> None:
        """Hand over the fields that were read from a shard's stream; what is no reply is ignored."""
        for fields in entries:
            try:
                entry_id = entry_name(shard, answered_entry(dict(fields)))
            except (KeyError, msgspec.MsgspecError):
                continue
            self._hand_over(entry_id, fields[DATA_FIELD])

    def _hand_over(self, entry_id: str, reply: bytes) -> None:
        with self._lock:
            waiter = self._waiting.pop(entry_id, None)
            if waiter is None and self._sending:
                if len(self._early) >= _MAX_EARLY:
                    del self._early[next(iter(self._early))]
                self._early[entry_id] = reply
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)


def answer_of(reply: bytes) -> Prediction | DeadLetter | Repeat:
    """The answer in a reply."""
    return _parse(reply)


def with_prediction(repeat: Repeat, entry: tuple[Any, Mapping[bytes, bytes]] | None) -> Repeat:
    """A repeat with the prediction that its identity got; without it where that entry was trimmed (None)."""
    if entry is None:
        return repeat
    return repeat.model_copy(update={"prediction": Prediction.model_validate_json(entry[1][DATA_FIELD])})


def not_answered(entry_id: str, timeout_s: float) -> NotAnsweredError:
    """The error of a listing whose answer did not come in time."""
    message = f"no answer to entry {entry_id} within {timeout_s:g} s; it is published, and its outcome will still come"
    return NotAnsweredError(message, entry_id)
