"""Writes that happen together or not at all, and only if what they rest on has not changed meanwhile."""

from __future__ import annotations

import json
from typing import Any

import redis.asyncio

from transport.scripts import read_script

_SCRIPT = read_script("monitoring.outcomes", "write")


class Writes:
    """Collects writes; `commit` carries them out in one script.

    Two monitors may work on the same outcomes, and a monitor may die after any of its steps: whoever comes second finds
    that a guard does not hold, looks again, and writes nothing twice.
    """

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._guards: list[list[Any]] = []
        self._writes: list[list[Any]] = []

    def guard(self, key: str, expected: str, field: str = "") -> None:
        """Write only if a string, or a field of a hash, still holds this; "" where there must be nothing."""
        self._guards.append([self._position(key), field, expected])

    def add(self, command: str, key: str, *arguments: str) -> None:
        """One write."""
        self._writes.append([command, self._position(key), *arguments])

    async def commit(self, client: redis.asyncio.Redis) -> bool:
        """Carry them out; False if a guard did not hold and nothing was written.

        Raises:
            redis.exceptions.RedisError: nothing was written, or the reply was lost.
        """
        asked = json.dumps({"guards": self._guards, "writes": self._writes})
        reply: Any = await client.eval(_SCRIPT, len(self._keys), *self._keys, asked)
        return bool(reply)

    def _position(self, key: str) -> int:
        return self._keys.setdefault(key, len(self._keys) + 1)
