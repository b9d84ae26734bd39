"""Replies: to which streams the answers of a batch are copied for those who ask.

An asker names its stream in the event, or in a field beside it, which is read without parsing the payload. The commit
script writes the replies; a reply can never cost an entry its outcome.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from consumer.batch import ScoredBatch
from schemas.events import REPLY_NAME_PATTERN
from schemas.streams import REPLY_FIELD, Streams
from transport.consumer_group import Entry

REPLY_RESULTS = ("written", "unread", "too_many_names", "forbidden")
"""What became of replies: written; not written because the asker's stream was gone or could not take it; beyond the
names of a batch; not written because the user may not write to streams of replies."""

_NOT_SERVED = 0xFFFF
_matches = re.compile(REPLY_NAME_PATTERN.removesuffix("$")).fullmatch


class ReplyRoutes(NamedTuple):
    """What the commit script gets about replies.

    Attributes:
        keys: the streams of replies.
        numbers: for each outcome two bytes, little-endian: the number of its stream from 1, 0 for none, or a number
            without a stream for a reply that is not served. Empty where nobody asks.
    """

    keys: tuple[str, ...]
    numbers: bytes


NO_REPLIES = ReplyRoutes((), b"")


def name_beside(entry: Entry) -> str | None:
    """The reply name in a field of the entry; None if there is no such field."""
    name = entry.fields.get(REPLY_FIELD)
    return None if name is None else name.decode(errors="replace")


class ReplyRouter:
    """Finds the streams of replies for batches.

    Args:
        streams: the domain's keys.
        max_names: how many names one batch serves.

    Attributes:
        is_allowed: whether the user may write to streams of replies; otherwise none is served.
    """

    def __init__(self, streams: Streams, max_names: int) -> None:
        self._streams = streams
        self._max_names = max_names
        self.is_allowed = True

    def route(self, batch: ScoredBatch) -> ReplyRoutes:
        """Where the answers of a batch are copied to. A name that is not valid is ignored and never becomes a key."""
        keys: list[str] = []
        numbers = {"": 0}
        for name in batch.reply_to:
            if name in numbers:
                continue
            if not _matches(name):
                numbers[name] = 0
            elif self.is_allowed and len(keys) < self._max_names:
                keys.append(self._streams.replies(name))
                numbers[name] = len(keys)
            else:
                numbers[name] = _NOT_SERVED
        if not any(numbers.values()):
            return NO_REPLIES
        each = [numbers[name] for name in batch.reply_to]
        return ReplyRoutes(tuple(keys), struct.pack(f"<{len(each)}H", *each))
