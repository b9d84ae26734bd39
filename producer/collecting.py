"""Collecting the answers to what was published, while it is published and afterwards."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import redis

from producer.answer_book import AnswerBook, BookAnswer, Kind, Told
from schemas.streams import DATA_FIELD, Streams
from transport.reading import CHUNK, newest, scan_back

_KINDS: dict[str, Kind] = {
    "listing.scored": "scored",
    "listing.refused": "refused",
    "listing.repeated": "repeat",
    # an operator was faster than we: what he noted says why the listing had been refused
    "listing.replayed": "refused",
    "listing.dropped": "refused",
}


class _Event(msgspec.Struct):
    id: str
    type: str
    data: BookAnswer


_decode = msgspec.json.Decoder(_Event).decode


class AnswerCollector:
    """Reads the answers of one domain from this moment on, and notes those to our entries.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        book: knows which entries are ours.

    Raises:
        redis.exceptions.RedisError: as the server answered, here and in all that follows.
    """

    def __init__(self, client: redis.Redis, streams: Streams, book: AnswerBook) -> None:
        self._client = client
        self._streams = streams
        self._book = book
        self._read_until = {key: _last_id(client, key) for key in streams.answers}

    def collect(self, block_ms: int | None = None) -> int:
        """Read what is there, at most a chunk of each stream, and wait for it if asked; how many entries were read."""
        reply: Any = self._client.xread(self._read_until, CHUNK, block_ms)  # type: ignore[arg-type]
        told: list[Told] = []
        for key, entries in reply or ():
            self._read_until[key.decode()] = entries[-1][0]
            told += [_told(fields) for _, fields in entries]
        self._book.answer(told)
        return len(told)

    def find_repeats(self) -> None:
        """Look up what was predicted for listings that were dropped as repeats; in vain where that was trimmed."""
        left = self._book.resolve_own_repeats()
        earlier = (_decode(fields[DATA_FIELD]).data for _, fields in scan_back(self._client, self._streams.predictions))
        while left and (chunk := list(islice(earlier, CHUNK))):
            left -= self._book.resolve_repeats(chunk)


def _last_id(client: redis.Redis, key: str) -> bytes:
    entries = newest(client, key, 1)
    return entries[0][0] if entries else b"0-0"


def _told(fields: dict[bytes, bytes]) -> Told:
    event = _decode(fields[DATA_FIELD])
    return Told(event.id, _KINDS[event.type], event.data)
