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


def read_hold(client: redis.Redis, streams: Streams) -> tuple[bool, ShardLayout | None]:
    """Whether publishers must wait, and how many shards there are; None where Redis says nothing.

    The hold is read first: the layout changes while it is there, so one that is read after its absence is true.
    """
    pipeline = client.pipeline(transaction=False)
    pipeline.exists(streams.shards_hold)
    pipeline.hgetall(streams.shards)
    is_held, fields = pipeline.execute()
    return bool(is_held), ShardLayout.from_hash(fields) if fields else None


async def read_hold_async(client: redis.asyncio.Redis, streams: Streams) -> tuple[bool, ShardLayout | None]:
    """As `read_hold`, for an asynchronous client."""
    pipeline = client.pipeline(transaction=False)
    pipeline.exists(streams.shards_hold)
    pipeline.hgetall(streams.shards)
    is_held, fields = await pipeline.execute()
    return bool(is_held), ShardLayout.from_hash(fields) if fields else None
