"""Conditions under which contenders are compared again: an append-only file, and cores that others keep half busy."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import redis
from redis.exceptions import ResponseError

from schemas.errors import BenchmarkError
from tasador.machine.supervision import program_command

_APPENDING = {"appendonly": "yes", "appendfsync": "everysec"}
_REWRITE_TIMEOUT_S = 60.0
_SLICE_S = 0.005
_HALF_BUSY = f"""
import time
while True:
    end = time.perf_counter() + {_SLICE_S}
    while time.perf_counter() < end:
        pass
    time.sleep({_SLICE_S})
"""


@contextmanager
def append_only_file(client: redis.Redis) -> Iterator[None]:
    """Let the server write an append-only file, synchronised each second as that of `tasador up`.

    Raises:
        BenchmarkError: the server does not allow it, or does not begin to.
    """
    try:
        before = {name: _setting(client, name) for name in _APPENDING}
        _set(client, _APPENDING)
    except ResponseError as error:
        raise BenchmarkError(f"the server's append-only file cannot be switched on: {error}") from error
    try:
        _wait_for_file(client)
        yield
    finally:
        _set(client, before)


@contextmanager
def half_busy_cores() -> Iterator[None]:
    """Keep every core half busy with other programs, which run and sleep for some milliseconds in turn."""
    command = program_command(sys.executable, "-c", _HALF_BUSY)
    others = [subprocess.Popen(command) for _ in range(psutil.cpu_count() or 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _setting(client: redis.Redis, name: str) -> str:
    found: Any = client.config_get(name)
    return str(found[name])


def _set(client: redis.Redis, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        client.config_set(name, value)


def _wait_for_file(client: redis.Redis) -> None:
    deadline_s = time.monotonic() + _REWRITE_TIMEOUT_S
    while True:
        state: Any = client.info("persistence")
        if state["aof_enabled"] and not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
            return
        if time.monotonic() > deadline_s:
            raise BenchmarkError("the server did not begin its append-only file")
        time.sleep(0.05)
