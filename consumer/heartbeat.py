"""The consumer's heartbeat: what it does and which model it runs, in a hash that operators and commands read."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import redis.asyncio

from schemas.stamp import Stamp
from schemas.states import ConsumerHeartbeat
from schemas.streams import Streams
from service.health import Health
from transport.clock import now_ms_async


@dataclass
class Heartbeat:
    """Writes one consumer's heartbeat.

    Attributes:
        name: the consumer's name in the group.
        port: where its endpoints are served.
        stamp: returns the stamp of the model that scores, or None.
        is_stopping: whether the consumer finishes its last batch.
    """

    client: redis.asyncio.Redis
    streams: Streams
    name: str
    port: int
    health: Health
    stamp: Callable[[], Stamp | None]
    is_stopping: bool = False
    _instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    _started_ms: int | None = None

    async def beat(self) -> None:
        """Write it, with Redis's time.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        at_ms = await now_ms_async(self.client)
        self._started_ms = self._started_ms or at_ms
        stamp = self.stamp()
        heartbeat = ConsumerHeartbeat(
            name=self.name,
            instance=self._instance,
            host=socket.gethostname(),
            pid=os.getpid(),
            port=self.port,
            started_ms=self._started_ms,
            at_ms=at_ms,
            state="stopping" if self.is_stopping else "running" if self.health.is_ready else "waiting",
            reasons=self.health.reasons,
            version=stamp.version if stamp else None,
            activation=stamp.activation if stamp else None,
        )
        await self.client.hset(self.streams.consumers, self.name, heartbeat.model_dump_json())

    async def remove(self) -> None:
        """Delete it, once the consumer has left its group."""
        await self.client.hdel(self.streams.consumers, self.name)
