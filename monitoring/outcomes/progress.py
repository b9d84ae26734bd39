"""How far outcomes have been joined with their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import ResponseError

from schemas.streams import MONITORS, Streams
from transport.entries import EntryId


async def joined_until_ms(client: redis.asyncio.Redis, shards: Sequence[Streams], now_ms: int) -> int:
    """The time up to which every outcome that has come is joined, if its prediction was made by then.

    `shards` are all those of a domain. It is `now_ms`, unless predictions wait to be indexed or outcomes to be read, as
    after a pause of the monitors.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    ids = []
    for shard in shards:
        cursor: Any = await client.get(shard.outcomes_cursor)
        unindexed: Any = await client.xrange(shard.predictions, f"({cursor.decode()}" if cursor else "-", "+", 1)
        ids += [entry_id for entry_id, _ in unindexed]
    streams = shards[0]
    delivered = await _last_delivered(client, streams)
    undelivered: Any = await client.xrange(streams.outcomes, f"({delivered}" if delivered else "-", "+", 1)
    ids += [entry_id for entry_id, _ in undelivered]
    if delivered:
        pending: Any = await client.xpending(streams.outcomes, MONITORS)
        ids += [pending["min"]] if pending["min"] else []
    return min([now_ms, *(EntryId.parse(entry_id).ms - 1 for entry_id in ids)])


async def _last_delivered(client: redis.asyncio.Redis, streams: Streams) -> str | None:
    """The last outcome that was given to a monitor; None if none has asked yet."""
    try:
        groups: Any = await client.xinfo_groups(streams.outcomes)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return None
    return next((group["last-delivered-id"].decode() for group in groups if group["name"] == MONITORS.encode()), None)
