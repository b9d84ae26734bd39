"""While a reply of a node of a cluster is late: whether another node has taken over the slot that it is about.

A node that has fallen silent closes no connection, and its clients would wait for as long as their timeout is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.exceptions import RedisError

from transport.async_cluster import AsyncClusterClient
from transport.slots import Node
from transport.tasks import end_tasks

LATE_S = 1.0
"""A node that has not answered for so long may be silent."""
LOOK_S = 0.5
"""How often the cluster is asked from then on."""


class OwnerWatch:
    """Watches one key while one reply is awaited.

    Args:
        client: of the cluster.
        key: whose slot it is.
        on_change: called once, when another node owns the slot.
    """

    def __init__(self, client: AsyncClusterClient, key: str, on_change: Callable[[], Awaitable[None]]) -> None:
        self._client = client
        self._key = key
        self._on_change = on_change
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, node: Node, extra_s: float) -> None:
        """Begin to look once a reply of a node is late, which may take so much longer."""
        self._timer = asyncio.get_running_loop().call_later(LATE_S + extra_s, self._begin, node)

    async def stop(self) -> None:
        """Stop looking."""
        if self._timer:
            self._timer.cancel()
        if self._task:
            await end_tasks([self._task])
            self._task = None

    def _begin(self, node: Node) -> None:
        self._task = asyncio.create_task(self._look(node), name="owner of a slot")

    async def _look(self, node: Node) -> None:
        while True:
            with suppress(RedisError, OSError):
                if (await self._client.route_to(self._key)).node != node:
                    await self._on_change()
                    return
            await asyncio.sleep(LOOK_S)
