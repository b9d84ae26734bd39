"""Which consumers have a challenger loaded, in Redis, so that one that dies with it is counted against its rollout."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio

from schemas.streams import Streams
from transport.scripts import Script

_HOLD = Script("consumer", "hold_challenger")
_RELEASE = Script("consumer", "release_challenger")


@dataclass
class ChallengerLoads:
    """Notes what one consumer has loaded, and buries others.

    Attributes:
        consumer: its name.
        max_failures: deaths of a rollout beyond which its challenger must not be loaded.
    """

    client: redis.asyncio.Redis
    streams: Streams
    consumer: str
    max_failures: int
    _process: str = field(default_factory=lambda: uuid.uuid4().hex)
    _held: str = ""
    _unheard: frozenset[bytes] = frozenset()

    async def hold(self, rollout: str) -> int:
        """Note that the challenger is about to be loaded, or still is; returns how many died with it.

        Beyond `max_failures` nothing is noted.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        arguments = (self.consumer, self._process, rollout, self.max_failures)
        failures = int(await _HOLD.run_async(self.client, self._keys, arguments))
        self._held = f"{rollout} {self._process}" if failures <= self.max_failures else ""
        return failures

    async def release(self) -> None:
        """Note that it is not loaded any more; does nothing if none is.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        if self._held:
            await _RELEASE.run_async(self.client, self._keys, (self.consumer, self._held, 0))
            self._held = ""

    async def bury(self, living: Collection[bytes]) -> list[str]:
        """Count the consumers that died with a challenger loaded; returns their names.

        One without a heartbeat may just have started, so it is counted the second time.

        Args:
            living: names of the consumers that have a recent heartbeat.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        notes: Any = await self.client.hgetall(self.streams.challenger_loads)
        unheard = frozenset(set(notes) - set(living))
        due, self._unheard = unheard & self._unheard, unheard
        removed = [n for n in due if await _RELEASE.run_async(self.client, self._keys, (n, notes[n], 1))]
        return [name.decode() for name in removed]

    @property
    def _keys(self) -> tuple[str, str]:
        return self.streams.challenger_loads, self.streams.challenger_failures
