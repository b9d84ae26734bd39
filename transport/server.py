"""The check of a Redis server before a process starts: version and cluster mode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import redis
import redis.asyncio

from schemas.errors import ServerError
from schemas.streams import Streams

OLDEST = (6, 2)
_HASH_TAG = re.compile(r"\{[^{}]+\}")


def check_server(client: redis.Redis, streams: Streams) -> None:
    """Check that the product can keep its guarantees on this server.

    Raises:
        ServerError: it is older than 6.2, or a cluster while the prefix carries no hash tag.
    """
    _check(client.info("server"), client.info("cluster"), streams)


async def check_server_async(client: redis.asyncio.Redis, streams: Streams) -> None:
    """As `check_server`, for an asynchronous client."""
    _check(await client.info("server"), await client.info("cluster"), streams)


def _check(server: Mapping[str, Any], cluster: Mapping[str, Any], streams: Streams) -> None:
    version = str(server.get("redis_version", "0"))
    # Valkey reports the Redis version whose behaviour it has
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ServerError(f"Redis {version} is too old: Redis 6.2 or newer, or Valkey, is required")
    if cluster.get("cluster_enabled") and not _HASH_TAG.search(streams.prefix):
        raise ServerError(
            f"Redis runs in cluster mode and the prefix {streams.prefix!r} has no hash tag: "
            f"set TASADOR_PREFIX={{{streams.prefix}}}"
        )
