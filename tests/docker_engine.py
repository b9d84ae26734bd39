"""The Docker engine of this machine: whether it answers, and whether it has an image.

docker-py leaves a socket open if the engine does not answer, and the next test would fail with a ResourceWarning. So a
plain socket tries the address first.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import docker  # type: ignore[import-untyped]
import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]

HOW = "start a Docker engine, or set DOCKER_HOST"
PULL_TIMEOUT_S = 60
TIMEOUT_S = 10
_DEFAULT_HOST = "unix:///var/run/docker.sock"
_DEFAULT_PORT = 2375


class NoImageError(Exception):
    """No engine answers, or it cannot get the image."""


def need_image(image: str) -> None:
    """Skip the test if no engine has the image or can pull it."""
    try:
        require_image(image)
    except NoImageError as error:
        pytest.skip(f"needs a container of {image} ({error}): {HOW}")


def require_image(image: str) -> None:
    """Pull an image if the engine does not have it.

    Raises:
        NoImageError: there is no engine, or it cannot pull the image; the message is one line.
    """
    try:
        with engine() as client:
            if not client.images.list(name=image):
                _pull(client, image)
            client.images.get(image)
    except (DockerException, OSError) as error:
        raise NoImageError(_one_line(error)) from error


@contextmanager
def engine() -> Iterator[Any]:
    """A client of the engine.

    Raises:
        OSError: nothing listens at its address.
        docker.errors.DockerException: something else than an engine listens there.
    """
    _connect()
    with closing(docker.from_env(timeout=TIMEOUT_S)) as client:
        yield client


def _connect() -> None:
    host = os.environ.get("DOCKER_HOST") or _DEFAULT_HOST
    address = urlsplit(host)
    try:
        if address.scheme == "unix":
            with closing(socket.socket(socket.AF_UNIX)) as probe:
                probe.settimeout(TIMEOUT_S)
                probe.connect(address.path)
        else:
            socket.create_connection((address.hostname or "", address.port or _DEFAULT_PORT), TIMEOUT_S).close()
    except OSError as error:
        raise ConnectionError(f"no engine at {host}: {error.strerror or error}") from error


def _pull(client: Any, image: str) -> None:
    deadline = time.monotonic() + PULL_TIMEOUT_S
    for _ in client.api.pull(image, stream=True):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not pulled within {PULL_TIMEOUT_S} s")


def _one_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "explanation", None) or error).split())
    return text if len(text) <= 160 else text[:160] + "…"
