"""The limit of requests by API key: a sliding window in Redis, which all gateways share."""

from __future__ import annotations

import math
import time
from typing import Any

import redis.asyncio
import redis.exceptions
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from gateway.problems import problem
from schemas.streams import Streams


class _ClientStorage(RedisStorage):
    """The counters, through a client of ours, which knows the address and where a cluster has the keys."""

    def __init__(self, client: redis.asyncio.Redis, key_prefix: str) -> None:
        self._client = client
        super().__init__("async+redis://", implementation="redispy", key_prefix=key_prefix)

    def configure_bridge(self) -> None:
        """Let the storage use the client; called by the constructor."""
        bridge: Any = self.bridge
        bridge.storage = self._client
        bridge.connection_getter = lambda _: self._client


class RequestLimit:
    """Counts the requests of each key of one domain.

    Args:
        client: whose connections are used.
        streams: the domain's keys.
        per_minute: requests of a key in a minute; 0 for no limit.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = SlidingWindowCounterRateLimiter(_ClientStorage(client, streams.gateway_limits))

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._item is not None

    async def count(self, name: str) -> None:
        """Count one request of a key.

        Raises:
            HttpProblemError: (429) the key is at its limit.
        """
        if self._item is None:
            return
        try:
            if await self._limiter.hit(self._item, name):
                return
            window = await self._limiter.get_window_stats(self._item, name)
        except (redis.exceptions.RedisError, OSError):
            return  # the request itself will say that Redis is away
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        detail = f"more than {self._item.amount} requests a minute (gateway.requests_per_minute)"
        raise problem(429, "too_many_requests", detail, retry_after_s=wait_s)
