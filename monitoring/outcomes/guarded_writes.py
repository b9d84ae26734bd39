"""Atomic writes to Redis that happen only if the values they were computed from have not changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import redis.asyncio

from transport.scripts import Script

_WRITE = Script("monitoring.outcomes", "write")


class GuardedWrites:
    """Collects writes and guards; `commit` carries them out in one script.

    Two monitors may process the same outcomes, and a monitor may crash after any step: the second one finds that a
    guard no longer holds, reads again, and writes nothing twice.
    """

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._guards: list[list[Any]] = []
        self._writes: list[list[Any]] = []

    def guard(self, key: str, expected: str, field: str = "") -> None:
        """Write only if a string, or a field of a hash, still has this value; "" if it must not exist."""
        self._guards.append([self._position(key), field, expected])

    def add(self, command: str, key: str, *arguments: str) -> None:
        """Add a write."""
        self._writes.append([command, self._position(key), *arguments])

    async def commit(self, client: redis.asyncio.Redis) -> bool:
        """Carry out the writes; returns False if a guard did not hold and nothing was written.

        Raises:
            redis.exceptions.RedisError: nothing was written, or the reply was lost.
        """
        return (await commit_all(client, [self]))[0]

    def script_input(self) -> tuple[list[str], list[str]]:
        """The keys and arguments of the script."""
        return [*self._keys], [json.dumps({"guards": self._guards, "writes": self._writes})]

    def _position(self, key: str) -> int:
        return self._keys.setdefault(key, len(self._keys) + 1)


async def commit_all(client: redis.asyncio.Redis, batch: Sequence[GuardedWrites]) -> list[bool]:
    """Carry out several groups of writes in one round trip; raises as `GuardedWrites.commit`.

    A group whose guard was broken by an earlier group of the batch is not written.
    """
    async with client.pipeline(transaction=False) as pipeline:
        for writes in batch:
            _WRITE.queue(pipeline, *writes.script_input())
        replies: Any = await pipeline.execute()
    return [bool(reply) for reply in replies]
