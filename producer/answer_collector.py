"""Collects the answers to published listings, during and after publishing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import msgspec
import redis

from producer.answer_store import AnswerData, AnswerKind, AnswerRow, AnswerStore
from schemas.shards import entry_name, split_entry
from schemas.streams import DATA_FIELD, Streams
from transport.reading import CHUNK, newest, scan_back
from transport.shards import read_layout

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
        self._shards = {
            shard.shard: _ShardAnswers(client, shard, {key: _last_id(client, key) for key in shard.answers})
            for shard in read_layout(client, streams).streams(streams)
        }

    def cover(self, entries: Iterable[str]) -> None:
        """Read the shards of these entries too: there may be more shards than there were at the start."""
        for number in {split_entry(entry)[0] for entry in entries} - self._shards.keys():
            shard = self._streams.of_shard(number)
            self._shards[number] = _ShardAnswers(self._client, shard, dict.fromkeys(shard.answers, b"0-0"))

    def collect(self, block_ms: int | None = None) -> int:
        """Read at most a chunk of each stream, waiting for `block_ms` if there is none. Returns the entries read."""
        wait_ms = max(block_ms // len(self._shards), 1) if block_ms else None
        answers = [answer for shard in self._shards.values() for answer in shard.read(wait_ms)]
        self._store.add_answers(answers)
        return len(answers)

    def find_repeats(self) -> None:
        """Find the earlier predictions of listings that were dropped as repeats, unless they have been trimmed."""
        left = self._store.resolve_own_repeats()
        keys = [shard.streams.predictions for shard in self._shards.values()]
        scanned = chain.from_iterable(scan_back(self._client, key) for key in keys)
        earlier = (_decode(fields[DATA_FIELD]).data for _, fields in scanned)
        while left and (chunk := list(islice(earlier, CHUNK))):
            left -= self._store.resolve_repeats(chunk)


@dataclass
class _ShardAnswers:
    """The answers of one shard, and up to where each of its streams was read."""

    client: redis.Redis
    streams: Streams
    read_until: dict[str, bytes]

    def read(self, block_ms: int | None) -> list[AnswerRow]:
        """At most a chunk of each stream, waiting for `block_ms` if there is none."""
        reply: Any = self.client.xread(self.read_until, CHUNK, block_ms)  # type: ignore[arg-type]
        answers: list[AnswerRow] = []
        for key, entries in reply or ():
            self.read_until[key.decode()] = entries[-1][0]
            answers += [_answer(fields, self.streams.shard) for _, fields in entries]
        return answers


def _last_id(client: redis.Redis, key: str) -> bytes:
    entries = newest(client, key, 1)
    return entries[0][0] if entries else b"0-0"


def _answer(fields: dict[bytes, bytes], shard: int) -> AnswerRow:
    event = _decode(fields[DATA_FIELD])
    return AnswerRow(entry_name(shard, event.id), _KINDS[event.type], event.data)
