"""Makes a domain of several shards, as `tasador shards set` would."""

from __future__ import annotations

import redis

from schemas.streams import Streams


def set_shards(client: redis.Redis, streams: Streams, count: int, read: int | None = None) -> tuple[Streams, ...]:
    """Name the number of shards in Redis; returns the keys of each that is read."""
    client.hset(streams.shards, mapping={"count": count, "read": read or count, "epoch": 1})
    return tuple(streams.of_shard(number) for number in range(read or count))
