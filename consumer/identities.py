"""Predicted identities from before hashes kept them: a set is converted to the hash that the commit script reads."""

from __future__ import annotations

import redis.asyncio

from schemas.streams import Streams
from transport.scripts import Script

SLICE = 5000
"""Identities that are copied at once: some milliseconds, in which Redis does nothing else."""

_CONVERT = Script("consumer", "convert_identities")


async def convert_identities(client: redis.asyncio.Redis, streams: Streams) -> None:
    """Convert each set of identities to a hash, in parts; does nothing where there is none.

    Several consumers may do so at once, and one may die in between: what is copied twice is the same.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    for key in (streams.dedup_current, streams.dedup_previous):
        cursor = b"0"
        while (cursor := await _CONVERT.run_async(client, [key, f"{key}:converting"], [cursor, SLICE])) != b"0":
            pass
