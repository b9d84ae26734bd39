"""Reading one kind of stream in all shards of a domain, as if it were one stream."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import redis

from schemas.shards import entry_name
from schemas.streams import Streams
from transport.entries import EntryId
from transport.reading import BLOCK_MS, CHUNK, RawEntry, newest, scan, scan_back

_PAUSE_S = 0.1

KeyOf = Callable[[Streams], str]
"""The key of a kind of stream in a shard."""
ReadShards = Callable[[], Sequence[Streams]]
"""Finds the shards that a domain has now."""


class ShardEntry(NamedTuple):
    """An entry and its shard."""

    shard: int
    entry_id: bytes
    fields: dict[bytes, bytes]

    @property
    def name(self) -> str:
        """The entry's name in texts (`schemas.shards.entry_name`)."""
        return entry_name(self.shard, self.entry_id.decode())


def scan_shards(
    client: redis.Redis,
    shards: Sequence[Streams],
    key_of: KeyOf,
    ranges: Mapping[int, tuple[str, str]] | None = None,
) -> Iterator[ShardEntry]:
    """The entries of all shards, oldest first.

    Args:
        client: replies must be bytes.
        shards: of one domain.
        key_of: the stream.
        ranges: by shard, its first and last entry id; whole streams without. A shard that is not in it is left out.
    """
    limits = {each.shard: ("-", "+") for each in shards} if ranges is None else ranges
    found = [(each, scan(client, key_of(each), *limits[each.shard])) for each in shards if each.shard in limits]
    return _merged([_of_shard(each, entries) for each, entries in found], reverse=False)


def scan_shards_back(client: redis.Redis, shards: Sequence[Streams], key_of: KeyOf) -> Iterator[ShardEntry]:
    """The entries of all shards, newest first."""
    return _merged([_of_shard(each, scan_back(client, key_of(each))) for each in shards], reverse=True)


def newest_of_shards(client: redis.Redis, shards: Sequence[Streams], key_of: KeyOf, count: int) -> list[ShardEntry]:
    """The last entries over all shards, newest first."""
    found = [_of_shard(each, newest(client, key_of(each), count)) for each in shards]
    return list(islice(_merged(found, reverse=True), count))


def follow_shards(
    client: redis.Redis, read_shards: ReadShards, key_of: KeyOf, after: Mapping[int, str]
) -> Iterator[ShardEntry]:
    """The entries of all shards after an id of each, without end; streams and shards need not exist yet.

    Args:
        client: replies must be bytes.
        read_shards: the shards, asked before each reading.
        key_of: the stream.
        after: by shard, the id after which to begin; a shard that is not in it is read from its beginning.
    """
    read = dict(after)
    while True:
        shards = read_shards()
        replies = _read_on(client, [(key_of(shard), read.get(shard.shard, "0-0")) for shard in shards])
        for shard, reply in zip(shards, replies, strict=True):
            for _, entries in reply or ():
                yield from _of_shard(shard, entries)
                read[shard.shard] = entries[-1][0].decode()


def _read_on(client: redis.Redis, positions: Sequence[tuple[str, str]]) -> list[Any]:
    """What follows each id of a stream, after a while if there is nothing yet."""
    if len(positions) == 1:
        # a block must end before the connection's own timeout
        return [client.xread(dict(positions), count=CHUNK, block=BLOCK_MS)]
    pipeline = client.pipeline(transaction=False)
    for key, after in positions:
        pipeline.xread({key: after}, count=CHUNK)
    replies = pipeline.execute()
    if not any(replies):
        # shards may be on different servers, so no one call can wait for all
        time.sleep(_PAUSE_S)
    return replies


def _of_shard(streams: Streams, entries: Iterable[RawEntry]) -> Iterator[ShardEntry]:
    return (ShardEntry(streams.shard, entry_id, fields) for entry_id, fields in entries)


def _merged(found: Sequence[Iterator[ShardEntry]], *, reverse: bool) -> Iterator[ShardEntry]:
    if len(found) == 1:
        return found[0]
    return heapq.merge(*found, key=lambda entry: EntryId.parse(entry.entry_id), reverse=reverse)
