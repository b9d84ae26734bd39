"""The check of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis

from schemas.errors import ServerError
from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.redis_cluster import RedisCluster
from transport.connection import connect, connect_async
from transport.server import check_server, check_server_async


class ClientOfVersion(redis.Redis):
    """A client whose server reports another version."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self._version = version

    def info(self, section: str | None = None, *_: Any, **__: Any) -> dict[str, Any]:
        return {"redis_version": self._version} if section == "server" else {"cluster_enabled": 0}


def test_the_sessions_server_is_supported(redis_client: redis.Redis, streams: Streams) -> None:
    check_server(redis_client, streams)


async def test_the_asynchronous_check_raises_the_same(redis_url: str, streams: Streams) -> None:
    async with connect_async(redis_url) as client:
        await check_server_async(client, streams)


@pytest.mark.parametrize("version", ["6.2.0", "6.2.14", "7.0.15", "8.10.1", "10.0.0", "255.255.255", "7.2.4-rc1"])
def test_new_enough_versions_pass(version: str, streams: Streams) -> None:
    check_server(ClientOfVersion(version), streams)


@pytest.mark.parametrize("version", ["2.8.24", "5.0.14", "6.0.16"])
def test_an_older_server_is_refused(version: str, streams: Streams) -> None:
    with pytest.raises(
        ServerError, match=rf"^Redis {version} is too old: Redis 6\.2 or newer, or Valkey, is required$"
    ):
        check_server(ClientOfVersion(version), streams)


def test_redis_6_2_is_supported(private_redis: StartRedis, redis_6_2: Path, streams: Streams) -> None:
    with connect(private_redis(binary=redis_6_2).url) as client:
        assert str(client.info("server")["redis_version"]).startswith("6.2.")
        check_server(client, streams)


async def test_a_cluster_requires_its_own_address_and_a_hash_tag(tmp_path: Path) -> None:
    cluster = RedisCluster(tmp_path, 1)
    cluster.start()
    plain, tag = (
        "^this Redis is a node of a cluster: use redis\\+cluster:// instead of redis:// in TASADOR_REDIS_URL$",
        "has no hash tag",
    )
    message = r"^Redis runs in cluster mode and the prefix 'housing' has no hash tag: set TASADOR_PREFIX=\{housing\}$"
    try:
        with connect(cluster.nodes[0].url) as client, pytest.raises(ServerError, match=plain):
            check_server(client, Streams("{housing}"))
        with connect(cluster.url) as client:
            with pytest.raises(ServerError, match=message):
                check_server(client, Streams("housing"))
            for prefix in ("{}", "{housing", "a}b{"):
                with pytest.raises(ServerError, match=tag):
                    check_server(client, Streams(prefix))
            check_server(client, Streams("{housing}"))
            check_server(client, Streams("agency-{housing.3}"))
        async with connect_async(cluster.nodes[0].url) as asynchronous:
            with pytest.raises(ServerError, match=plain):
                await check_server_async(asynchronous, Streams("{housing}"))
        async with connect_async(cluster.url) as asynchronous:
            with pytest.raises(ServerError, match=tag):
                await check_server_async(asynchronous, Streams("housing"))
    finally:
        cluster.stop()


def test_a_server_that_is_no_cluster_is_no_address_of_one(redis_url: str) -> None:
    url = redis_url.replace("redis://", "redis+cluster://")
    with connect(url) as client, pytest.raises(ServerError, match="does not run in cluster mode: use redis://"):
        client.ping()
