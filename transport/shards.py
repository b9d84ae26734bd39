"""The shards of a domain as Redis has them."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio

from schemas.shards import ShardLayout
from schemas.streams import Streams


def read_layout(client: redis.Redis, streams: Streams) -> ShardLayout:
    """How many shards the domain has; one where Redis says nothing."""
    fields: Any = client.hgetall(streams.shards)
    return ShardLayout.from_hash(fields)


async def read_layout_async(client: redis.asyncio.Redis, streams: Streams) -> ShardLayout:
    """As `read_layout`, for an asynchronous client."""
    fields: Any = await client.hgetall(streams.shards)
    return ShardLayout.from_hash(fields)
