"""The consumer's sign of life, and its leave."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import redis.asyncio

from consumer.scripts import Scripts
from schemas.stamp import Stamp
from schemas.states import ConsumerHeartbeat
from schemas.streams import SCORERS, Streams
from service.health import Health


@dataclass
class Heartbeat:
    """Writes one consumer's heartbeat.

    Attributes:
        name: the consumer's name in the group.
        port: where its endpoints are served.
        stamp: gives the model in charge, or None.
    """

    client: redis.asyncio.Redis
    streams: Streams
    scripts: Scripts
    name: str
    port: int
    health: Health
    stamp: Callable[[], Stamp | None]
    is_stopping: bool = False
    _instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    _started_ms: int | None = None

    async def beat(self) -> None:
        """Say what the consumer does and which model it runs, with Redis's time.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        seconds, microseconds = await self.client.time()
        now_ms = int(seconds) * 1000 + int(microseconds) // 1000
        self._started_ms = self._started_ms or now_ms
        stamp = self.stamp()
        heartbeat = ConsumerHeartbeat(
            name=self.name,
            instance=self._instance,
            host=socket.gethostname(),
            pid=os.getpid(),
            port=self.port,
            started_ms=self._started_ms,
            at_ms=now_ms,
            state="stopping" if self.is_stopping else "running" if self.health.is_ready else "waiting",
            reasons=self.health.reasons,
            version=stamp.version if stamp else None,
            activation=stamp.activation if stamp else None,
        )
        await self.client.hset(self.streams.consumers, self.name, heartbeat.model_dump_json())

    async def leave(self) -> bool:
        """Leave the group for good; False if entries are still pending under this name, which others will claim."""
        return bool(await self.scripts.run("leave", [SCORERS, self.name]))
