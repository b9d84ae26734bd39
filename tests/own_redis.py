"""Private servers with options that name files: containers if there is a Docker engine, else processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.redis_container import RedisContainer
from tests.redis_server import RedisServer
from tests.session_redis import find_image, need_private_server

OwnRedis = RedisServer | RedisContainer
StartOwnRedis = Callable[..., OwnRedis]


@pytest.fixture(scope="module")
def own_redis() -> Iterator[StartOwnRedis]:
    """Starts servers like the session's: ``own_redis(folder, "--aclfile", "{folder}/users.acl")``."""
    servers: list[OwnRedis] = []

    def start(folder: Path, *options: str, url: str = "redis://127.0.0.1:{port}/0") -> OwnRedis:
        image, _ = find_image()
        server: OwnRedis = (
            RedisContainer(image, folder, *options, url=url)
            if image
            else RedisServer(folder, *options, binary=need_private_server(), url=url)
        )
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
