"""The shards of a domain for a process or an object that reads them again and again."""

from __future__ import annotations

import time

import redis
import redis.asyncio

from schemas.shards import ShardLayout
from schemas.streams import Streams
from transport.shards import read_layout, read_layout_async

LEASE_S = 1.0
"""For how long what was read is trusted. A new shard is read a little later than the others, and nothing is missed."""


class WatchedShards:
    """The shards of one domain.

    Args:
        client: of Redis.
        streams: the domain's keys.
    """

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self._client = client
        self._lease = _Lease(streams)

    def read(self) -> tuple[Streams, ...]:
        """The keys of each shard that is read.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        return self.layout().streams(self._lease.streams)

    def layout(self) -> ShardLayout:
        """How many shards there are; raises as `read`."""
        if self._lease.is_over():
            self._lease.renew(read_layout(self._client, self._lease.streams))
        return self._lease.layout


class WatchedShardsAsync:
    """`WatchedShards` for an asynchronous client."""

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._lease = _Lease(streams)

    async def read(self) -> tuple[Streams, ...]:
        """The keys of each shard that is read; raises as `WatchedShards.read`."""
        if self._lease.is_over():
            self._lease.renew(await read_layout_async(self._client, self._lease.streams))
        return self._lease.layout.streams(self._lease.streams)


class _Lease:
    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.layout = ShardLayout()
        self._until_s = 0.0

    def is_over(self) -> bool:
        return time.monotonic() >= self._until_s

    def renew(self, layout: ShardLayout) -> None:
        self.layout = layout
        self._until_s = time.monotonic() + LEASE_S
