"""The backlog of a domain as its publishers read it: over all shards whose servers answer.

A shard without a server refuses its own listings; that it cannot say how many wait there keeps no listing from another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import redis
import redis.asyncio
from redis.exceptions import RedisError, TryAgainError

from schemas.streams import Streams
from transport.backlog import read_backlog, read_backlog_async
from transport.connection import is_transient

AGAIN_S = 5.0
"""A shard that did not answer is asked again after this time."""
PATIENCE_S = 0.5
"""How long an asynchronous publisher waits for one of several shards."""


class ShardBacklogs:
    """Reads the backlog of a domain, and remembers which shards did not answer."""

    def __init__(self) -> None:
        self._again_s: dict[int, float] = {}

    def read(self, client: redis.Redis, shards: Sequence[Streams]) -> int:
        """Listings that wait in all shards that answer.

        Raises:
            redis.exceptions.RedisError: the only shard does not answer, or one refuses for good.
        """
        total = 0
        for shard in self._to_ask(shards):
            try:
                total += read_backlog(client, shard).total
            except (RedisError, OSError) as error:
                self._leave_out(shard, error, len(shards))
        return total

    async def read_async(self, client: redis.asyncio.Redis, shards: Sequence[Streams]) -> int:
        """As `read`, all shards at once."""
        read = (self._read_one(client, shard, len(shards)) for shard in self._to_ask(shards))
        return sum(await asyncio.gather(*read))

    async def _read_one(self, client: redis.asyncio.Redis, shard: Streams, count: int) -> int:
        try:
            async with asyncio.timeout(PATIENCE_S if count > 1 else None):
                return (await read_backlog_async(client, shard)).total
        except (RedisError, OSError) as error:
            self._leave_out(shard, error, count)
            return 0

    def _to_ask(self, shards: Sequence[Streams]) -> list[Streams]:
        now_s = time.monotonic()
        return [shard for shard in shards if now_s >= self._again_s.get(shard.shard, 0.0)]

    def _leave_out(self, shard: Streams, error: RedisError | OSError, count: int) -> None:
        if isinstance(error, TryAgainError):
            return  # its slot is being moved: the next chunk asks again
        if count == 1 or not is_transient(error):
            raise error
        self._again_s[shard.shard] = time.monotonic() + AGAIN_S
