"""The private Redis keeps its data and its port, and does not outlive its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from schemas.errors import ConfigurationError, RedisUnavailableError
from tasador.machine.private_redis import PrivateRedis
from tests.waiting import wait_until
from transport.connection import connect


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrivateRedis]:
    server = PrivateRedis(tmp_path / "home" / "redis")
    yield server
    server.stop()


def _config(client: redis.Redis, name: str) -> str:
    return str(client.config_get(name)[name])


def test_it_keeps_its_data_and_its_port_across_a_restart(server: PrivateRedis) -> None:
    server.start()
    port = server.port
    with connect(server.url) as client:
        client.xadd("a", {"data": "1"})
    server.stop()
    assert not server.is_running
    server.start()
    assert server.port == port
    with connect(server.url) as client:
        assert client.xlen("a") == 1


def test_it_never_evicts_syncs_every_second_and_listens_on_loopback_only(server: PrivateRedis) -> None:
    server.start()
    with connect(server.url) as client:
        assert _config(client, "maxmemory-policy") == "noeviction"
        assert _config(client, "appendonly") == "yes"
        assert _config(client, "appendfsync") == "everysec"
        assert _config(client, "bind") == "127.0.0.1"


def test_it_takes_another_port_if_its_own_is_taken(server: PrivateRedis) -> None:
    server.start()
    port = server.port
    server.stop()
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", port))
        taker.listen()
        server.start()
    assert server.port != port
    with connect(server.url) as client:
        assert client.ping()


def test_an_orphaned_server_is_stopped_and_its_data_kept(tmp_path: Path, server: PrivateRedis) -> None:
    orphan = PrivateRedis(server.folder)
    orphan.start()
    orphan_pid = orphan.pid
    try:
        with connect(orphan.url) as client:
            client.set("kept", "1")
        server.start()
        assert server.pid != orphan_pid
        assert not orphan.is_running
        with connect(server.url) as client:
            assert client.get("kept") == b"1"
    finally:
        orphan.stop()


def test_a_damaged_file_is_an_error_of_one_line_that_names_the_log(server: PrivateRedis) -> None:
    server.start()
    server.stop()
    for file in server.folder.rglob("appendonly.aof*"):
        if file.is_file():
            file.write_bytes(b"this is no append-only file")
    with pytest.raises(RedisUnavailableError, match=r"redis\.log") as raised:
        server.start()
    assert "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_created_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used for a private Redis"):
        PrivateRedis(tmp_path / "file" / "redis").start()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start stops it, not the end of its parent")
def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from tasador.machine.private_redis import PrivateRedis;"
        "server = PrivateRedis(pathlib.Path(sys.argv[1])); server.start();"
        "print(server.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "redis")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), message="the server has ended")
