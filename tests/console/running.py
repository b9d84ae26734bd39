"""A console as a process of its own, beside the applications of a system in a thread of the test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from schemas.settings import Settings
from tasador.machine.ports import find_free_port
from tests.tasador.live_system import run_applications
from tests.waiting import wait_until


@dataclass(frozen=True)
class RunningConsole:
    """A console that answers.

    Attributes:
        url: of its first page, without a final slash.
        pid: of its process.
    """

    url: str
    pid: int


@contextmanager
def running_console(settings: Settings, **variables: str) -> Iterator[RunningConsole]:
    """Run `tasador console` on the Redis, the home and the prefix of the settings."""
    assert settings.redis_url is not None
    port = find_free_port("127.0.0.1", 0)
    environment = os.environ | {
        "TASADOR_HOME": str(settings.home),
        "TASADOR_REDIS_URL": settings.redis_url.get_secret_value(),
        "TASADOR_PREFIX": settings.prefix or "",
        **variables,
    }
    command = [sys.executable, "-m", "tasador", "console", settings.domain, "--port", str(port), "--name", "console-1"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: process.poll() is not None or is_ready(url), 60, "the console is ready")
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        yield RunningConsole(url, process.pid)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors


@contextmanager
def running_applications(settings: Settings) -> Iterator[None]:
    """Run one application of each kind in a thread."""
    stop, started = threading.Event(), threading.Event()

    async def run() -> None:
        async with run_applications(settings):
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(120)
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def is_ready(url: str) -> bool:
    """Whether the console says that it is ready."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
