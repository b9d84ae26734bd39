"""The loops of an explainer: one for each shard, so that a shard whose server is away holds up no other."""

from __future__ import annotations

from collections.abc import Callable

import redis.asyncio

from explainer.explaining_loop import ExplainingLoop
from schemas.streams import Streams
from transport.tasks import run_all
from transport.watched_shards import WatchedShardsAsync


class ShardLoops:
    """The loops of the shards that the domain has; a new shard gets its own when it is seen.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        build: makes the loop of a shard.
    """

    def __init__(
        self, client: redis.asyncio.Redis, streams: Streams, build: Callable[[Streams], ExplainingLoop]
    ) -> None:
        self._shards = WatchedShardsAsync(client, streams)
        self._build = build
        self._loops: dict[int, ExplainingLoop] = {}

    def stop(self) -> None:
        """Let `run_once` return after the batches in hand."""
        for loop in self._loops.values():
            loop.stop()

    async def run_once(self) -> None:
        """Answer all requests that wait, of all shards; raises as `ExplainingLoop.run_once`."""
        await run_all([loop.run_once() for loop in await self._read()])

    async def renew(self) -> None:
        """Keep the requests in hand from being claimed by others."""
        await run_all([loop.renew() for loop in self._loops.values()])

    async def try_rights(self) -> None:
        """Try whether requests may be read and explanations be written; changes nothing.

        Raises:
            redis.exceptions.ResponseError: this user lacks a right.
        """
        for loop in await self._read():
            await loop.group.create()
            await loop.writer.write({})
            await loop.writer.try_right()

    async def leave(self) -> bool:
        """Leave the groups, and let others claim what is pending; returns whether nothing is."""
        return not any([await loop.group.leave(gives_back=True) for loop in self._loops.values()])

    async def _read(self) -> list[ExplainingLoop]:
        """The loop of each shard that is read."""
        shards = await self._shards.read()
        for shard in shards:
            if shard.shard not in self._loops:
                self._loops[shard.shard] = self._build(shard)
        return [self._loops[shard.shard] for shard in shards]
