"""The heartbeat of a process: what it does and in which state it is, in a hash that operators and commands read.

Each role has a hash of its own, so that a user of Redis may write only the heartbeats of its role.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio

from schemas.states import ProcessHeartbeat
from service.activity import Activities
from service.health import Health
from transport.clock import now_ms_async

FORGET_S = 600
"""After this time without a heartbeat a training worker or monitor is forgotten; the consumers sweep their own."""


@dataclass
class Heartbeat:
    """Writes one process's heartbeat.

    Attributes:
        key: hash of the heartbeats of its role.
        kind: what a heartbeat of its role holds.
        name: the process's name in its domain.
        port: where its endpoints are served; None if it serves none.
        activities: what it is doing now.
        more: further fields of its role.
        is_stopping: whether it finishes its last work.
        wakeup: set to have the heartbeat written at once, as when a reason of its health comes or goes.
    """

    client: redis.asyncio.Redis
    key: str
    kind: type[ProcessHeartbeat]
    name: str
    port: int | None
    health: Health
    activities: Activities
    more: Callable[[], Mapping[str, Any]] = dict
    is_stopping: bool = False
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    _instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    _started_ms: int | None = None

    def __post_init__(self) -> None:
        self.health.on_change = self.wakeup.set

    async def beat(self) -> None:
        """Write it, with Redis's time.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        self.wakeup.clear()
        at_ms = await now_ms_async(self.client)
        self._started_ms = self._started_ms or at_ms
        heartbeat = self.kind(
            name=self.name,
            instance=self._instance,
            host=socket.gethostname(),
            pid=os.getpid(),
            port=self.port,
            started_ms=self._started_ms,
            at_ms=at_ms,
            state="stopping" if self.is_stopping else "running" if self.health.is_ready else "waiting",
            reasons=self.health.reasons,
            activities=self.activities.at(at_ms),
            **self.more(),
        )
        await self.client.hset(self.key, self.name, heartbeat.model_dump_json())

    async def forget_silent(self) -> None:
        """Delete heartbeats of the role that have not been renewed for `FORGET_S`.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        beats: Any = await self.client.hgetall(self.key)
        at_ms = await now_ms_async(self.client)
        last_ms = {name: ProcessHeartbeat.model_validate_json(beat).at_ms for name, beat in beats.items()}
        if silent := [name for name, beat_ms in last_ms.items() if at_ms - beat_ms > FORGET_S * 1000]:
            await self.client.hdel(self.key, *silent)

    async def remove(self) -> None:
        """Delete it, once the process has ended its work."""
        await self.client.hdel(self.key, self.name)
