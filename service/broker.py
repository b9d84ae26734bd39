"""FastStream's broker for the address of a server, of a master that Sentinels watch, or of a cluster."""

from __future__ import annotations

import logging
from typing import Any

from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from faststream.redis.prometheus import RedisPrometheusMiddleware
from prometheus_client import CollectorRegistry

from service import logs
from service.tracing import NO_TRACING, Tracing
from transport.address import (
    is_cluster,
    is_sentinel,
    master_of,
    node_options,
    nodes_of,
    sentinel_options,
    without_credentials,
)


def build_broker(url: str, registry: CollectorRegistry, tracing: Tracing = NO_TRACING) -> RedisBroker:
    """FastStream's broker, with its metrics in the process's registry, its traces, and its log on our handler."""
    middlewares = [RedisPrometheusMiddleware(registry=registry), *tracing.middlewares()]
    options: dict[str, Any] = {"logger": logging.getLogger(logs.BROKER), "middlewares": middlewares}
    if is_sentinel(url):
        options |= {"sentinels": nodes_of(url), "sentinel_master_name": master_of(url)}
        options |= {"sentinel_kwargs": sentinel_options(url)}
        return RedisSentinelBroker(**options, **_described(url), **node_options(url))
    if is_cluster(url):
        # FastStream asks the first node by the name that a single server would have
        (host, port), *others = nodes_of(url)
        options |= {"host": host, "port": port, "startup_nodes": others}
        return RedisClusterBroker(**options, **_described(url), **node_options(url))
    return RedisBroker(url, **options)


def _described(url: str) -> dict[str, Any]:
    """What the AsyncAPI description says of the server."""
    return {"specification_url": without_credentials(url), "protocol": "redis"}
