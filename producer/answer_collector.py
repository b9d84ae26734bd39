"""Collects the answers to published listings, during and after publishing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import redis

from producer.answer_store import AnswerData, AnswerKind, AnswerRow, AnswerStore
from schemas.streams import DATA_FIELD, Streams
from transport.reading import CHUNK, newest, scan_back

_KINDS: dict[str, AnswerKind] = {
    "listing.scored": "scored",
    "listing.refused": "refused",
    "listing.repeated": "repeat",
    # an operator has already resolved the dead letter; the resolution contains its reason
    "listing.replayed": "refused",
    "listing.dropped": "refused",
}


class _Event(msgspec.Struct):
    id: str
    type: str
    data: AnswerData


_decode = msgspec.json.Decoder(_Event).decode


class AnswerCollector:
    """Reads the answers of one domain from now on, and stores those to the published entries.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        store: holds the published entries.

    Raises:
        redis.exceptions.RedisError: a command failed; all methods raise it too.
    """

    def __init__(self, client: redis.Redis, streams: Streams, store: AnswerStore) -> None:
        self._client = client
        self._streams = streams
        self._store = store
        self._read_until = {key: _last_id(client, key) for key in streams.answers}

    def collect(self, block_ms: int | None = None) -> int:
        """Read at most a chunk of each stream, waiting for `block_ms` if there is none. Returns the entries read."""
        reply: Any = self._client.xread(self._read_until, CHUNK, block_ms)  # type: ignore[arg-type]
        answers: list[AnswerRow] = []
        for key, entries in reply or ():
            self._read_until[key.decode()] = entries[-1][0]
            answers += [_answer(fields) for _, fields in entries]
        self._store.add_answers(answers)
        return len(answers)

    def find_repeats(self) -> None:
        """Find the earlier predictions of listings that were dropped as repeats, unless they have been trimmed."""
        left = self._store.resolve_own_repeats()
        earlier = (_decode(fields[DATA_FIELD]).data for _, fields in scan_back(self._client, self._streams.predictions))
        while left and (chunk := list(islice(earlier, CHUNK))):
            left -= self._store.resolve_repeats(chunk)


def _last_id(client: redis.Redis, key: str) -> bytes:
    entries = newest(client, key, 1)
    return entries[0][0] if entries else b"0-0"


def _answer(fields: dict[bytes, bytes]) -> AnswerRow:
    event = _decode(fields[DATA_FIELD])
    return AnswerRow(event.id, _KINDS[event.type], event.data)
