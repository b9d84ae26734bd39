"""A Redis of an image, for peers that need a newer one than the benchmark's own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisError

from schemas.errors import BenchmarkError
from tasador.machine.ports import find_free_port
from transport.connection import connect

_START_S = 60.0


@contextmanager
def redis_of_image(image: str) -> Iterator[str]:
    """The URL of a server that runs from the image, on this machine's network, and keeps nothing.

    Raises:
        BenchmarkError: Docker cannot run it, or it does not answer.
    """
    port = find_free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    container = _docker("run", "--rm", "--detach", "--network", "host", image, "redis-server", *options)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(image, url)
        yield url
    finally:
        _docker("kill", container)


def version_of(url: str) -> str:
    """The version of the server's protocol and commands, as ``8.0.2``."""
    with connect(url) as client:
        server: Any = client.info("server")
    return str(server["redis_version"])


def _wait_for(image: str, url: str) -> None:
    deadline_s = time.monotonic() + _START_S
    with connect(url) as client:
        while True:
            try:
                client.ping()
            except RedisError as error:
                if time.monotonic() > deadline_s:
                    raise BenchmarkError(f"{image} does not answer within {_START_S:g} s: {error}") from error
                time.sleep(0.1)
            else:
                return


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError as error:
        raise BenchmarkError(f"docker cannot be started: {error}") from error
    if done.returncode:
        raise BenchmarkError(f"docker {arguments[0]}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
    return done.stdout.strip()
