"""The shards of a domain for a process or an object that reads them again and again.

Where the hash that names them has been deleted, those that were known stay, until a consumer has written it again.
"""

from __future__ import annotations

import time

import redis
import redis.asyncio

from schemas.shards import ShardLayout
from schemas.streams import Streams
from transport.shards import read_hold, read_layout, read_layout_async

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
        self._streams = streams
        self._layout = ShardLayout()
        self._is_held = True
        self._until_s = self._hold_until_s = 0.0

    def read(self) -> tuple[Streams, ...]:
        """The keys of each shard that is read.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        begin_s = time.monotonic()
        if begin_s >= self._until_s:
            self._layout = _known(self._layout, read_layout(self._client, self._streams))
            self._until_s = begin_s + LEASE_S
        return self._layout.streams(self._streams)

    def count(self) -> int | None:
        """Over how many shards listings are spread; None while that is being changed. Raises as `read`."""
        begin_s = time.monotonic()
        if self._is_held or begin_s >= self._hold_until_s:
            self._is_held, layout = read_hold(self._client, self._streams)
            self._layout = layout or self._layout
            self._until_s = self._hold_until_s = begin_s + LEASE_S
        return None if self._is_held else self._layout.count


class WatchedShardsAsync:
    """`WatchedShards` for an asynchronous client."""

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._layout = ShardLayout()
        self._until_s = 0.0

    async def read(self) -> tuple[Streams, ...]:
        """The keys of each shard that is read; raises as `WatchedShards.read`."""
        begin_s = time.monotonic()
        if begin_s >= self._until_s:
            self._layout = _known(self._layout, await read_layout_async(self._client, self._streams))
            self._until_s = begin_s + LEASE_S
        return self._layout.streams(self._streams)


def _known(before: ShardLayout, read: ShardLayout) -> ShardLayout:
    # a change to one shard has an epoch, so what equals the default is no hash, or that of a domain that never had more
    return before if read == ShardLayout() else read
