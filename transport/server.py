"""The check of a Redis server before a process starts: version, cluster mode, and whether the address fits it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import redis
import redis.asyncio

from schemas.errors import ServerError
from schemas.streams import Streams
from transport.address import is_cluster
from transport.async_cluster import AsyncClusterClient
from transport.cluster import ClusterClient
from transport.connection import NOT_ROUTED

OLDEST = (6, 2)
_HASH_TAG = re.compile(r"\{[^{}]+\}")


def check_prefix(url: str, streams: Streams) -> None:
    """Check, without asking the server, that a domain's keys can be on the server of a URL.

    Raises:
        ServerError: it is a cluster, and the prefix carries no hash tag.
    """
    if is_cluster(url):
        _check_tag(streams)


def check_server(client: redis.Redis, streams: Streams) -> None:
    """Check that the product can keep its guarantees on this server.

    Raises:
        ServerError: it is older than 6.2, or a cluster while the prefix carries no hash tag, or the address is not that
            of a cluster.
    """
    is_routed = isinstance(client, ClusterClient)
    if is_routed:
        _check_tag(streams)  # whether the cluster answers or not
    _check(client.info("server"), client.info("cluster"), is_routed=is_routed)


async def check_server_async(client: redis.asyncio.Redis, streams: Streams) -> None:
    """As `check_server`, for an asynchronous client."""
    is_routed = isinstance(client, AsyncClusterClient)
    if is_routed:
        _check_tag(streams)
    _check(await client.info("server"), await client.info("cluster"), is_routed=is_routed)


def _check(server: Mapping[str, Any], cluster: Mapping[str, Any], *, is_routed: bool) -> None:
    version = str(server.get("redis_version", "0"))
    # Valkey reports the Redis version whose behaviour it has
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ServerError(f"Redis {version} is too old: Redis 6.2 or newer, or Valkey, is required")
    if cluster.get("cluster_enabled") and not is_routed:
        raise ServerError(f"this Redis {NOT_ROUTED} in TASADOR_REDIS_URL")


def _check_tag(streams: Streams) -> None:
    if not _HASH_TAG.search(streams.prefix):
        raise ServerError(
            f"Redis runs in cluster mode and the prefix {streams.prefix!r} has no hash tag: "
            f"set TASADOR_PREFIX={{{streams.prefix}}}"
        )
