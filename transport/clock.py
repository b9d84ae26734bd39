"""Redis's clock: the only clock that several processes of one domain share."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio


def now_ms(client: redis.Redis) -> int:
    """Milliseconds since 1970 on the server."""
    return _in_ms(client.time())


async def now_ms_async(client: redis.asyncio.Redis) -> int:
    """As `now_ms`, for an asynchronous client."""
    return _in_ms(await client.time())


def _in_ms(reply: Any) -> int:
    seconds, microseconds = reply
    return int(seconds) * 1000 + int(microseconds) // 1000
