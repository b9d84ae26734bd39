"""FastStream's broker for the address of a server, of a master that Sentinels watch, or of a cluster."""

from __future__ import annotations

import logging
from typing import Any

import redis.asyncio
from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from faststream.redis.configs.state import RedisConnectionState
from faststream.redis.prometheus import RedisPrometheusMiddleware
from prometheus_client import CollectorRegistry

from service import logs
from service.tracing import NO_TRACING, Tracing
from transport.address import is_cluster, is_sentinel, master_of, node_options, nodes_of, without_credentials
from transport.connection import connect_async


def build_broker(url: str, registry: CollectorRegistry, tracing: Tracing = NO_TRACING) -> RedisBroker:
    """FastStream's broker, with its metrics in the process's registry, its traces, and its log on our handler."""
    middlewares = [RedisPrometheusMiddleware(registry=registry), *tracing.middlewares()]
    options: dict[str, Any] = {"logger": logging.getLogger(logs.BROKER), "middlewares": middlewares}
    described: dict[str, Any] = {"specification_url": without_credentials(url), "protocol": "redis"}
    if is_sentinel(url):
        return SentinelBroker(url, **options, **described)
    if is_cluster(url):
        # FastStream takes the first node where a single server would be
        (host, port), *others = nodes_of(url)
        nodes: dict[str, Any] = {"host": host, "port": port, "startup_nodes": others}
        return RedisClusterBroker(**nodes, **options, **described, **node_options(url))
    return RedisBroker(url, **options)


class SentinelBroker(RedisSentinelBroker):
    """FastStream's broker for Sentinel, on a client of ours.

    FastStream's own client leaves its connections to the Sentinels open, and connects to localhost with TLS.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._address = url
        super().__init__(sentinels=nodes_of(url), sentinel_master_name=master_of(url), **options)

    def _make_connection_state(self, *_: Any) -> _ConnectionState:
        return _ConnectionState(self._address)


class _ConnectionState(RedisConnectionState):
    """Where FastStream keeps its client while the broker runs."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def connect(self) -> redis.asyncio.Redis:
        self._client = connect_async(self._url)
        self._connected = True
        return self._client
