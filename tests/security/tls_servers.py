"""Several servers that accept TLS alone: a master with its Sentinel, and a cluster of two masters.

They run together in one container, on the same ports in it and outside, or as processes if there is no engine. So each
reaches the others at the addresses that clients get.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis.exceptions
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from tests.docker_engine import HOW, TIMEOUT_S
from tests.redis_server import free_port
from tests.security.certificates import Authority
from tests.session_redis import find_image, need_private_server
from tests.waiting import wait_until
from transport.connection import connect

MASTER = "main"
_FOLDER = "/own"
# $program, $folder and $bind are set before
_TLS = (
    "--port 0 --bind $bind --protected-mode no --tls-replication yes --tls-cert-file $folder/own.crt "
    "--tls-key-file $folder/own.key --tls-ca-cert-file $folder/ca.crt"
)
_CLUSTER = "--tls-cluster yes --cluster-enabled yes --cluster-announce-ip 127.0.0.1"


@dataclass(frozen=True)
class TlsServers:
    """Addresses, without the options of TLS.

    Attributes:
        url: of all, as in TASADOR_REDIS_URL.
        servers: of each that holds keys.
    """

    url: str
    servers: tuple[str, ...]


@contextmanager
def watched_server(authority: Authority, options: str) -> Iterator[TlsServers]:
    """A master and a Sentinel, which clients reach with these options of a URL."""
    port, sentinel_port = free_port(), free_port()
    script = _server(port) + (
        "file=$(mktemp -d)/sentinel.conf\n"
        f"echo 'sentinel monitor {MASTER} 127.0.0.1 {port} 1' > $file\n"
        f"$program $file --sentinel --tls-port {sentinel_port} {_TLS} &\n"
    )
    with _running(authority, (port, sentinel_port), script, options):
        yield TlsServers(f"rediss+sentinel://127.0.0.1:{sentinel_port}/{MASTER}", (f"rediss://127.0.0.1:{port}/0",))


@contextmanager
def cluster(authority: Authority, options: str) -> Iterator[TlsServers]:
    """Two masters that share the slots, which clients reach with these options of a URL."""
    ports = (free_port(), free_port())
    script = "".join(_server(port, _CLUSTER) for port in ports)
    servers = tuple(f"rediss://127.0.0.1:{port}/0" for port in ports)
    with _running(authority, ports, script, options):
        first, second = (connect(f"{server}?{options}") for server in servers)
        with first, second:
            for node, slots in ((first, range(8192)), (second, range(8192, 16384))):
                node.execute_command("CLUSTER ADDSLOTS", *slots)  # type: ignore[no-untyped-call]
            first.execute_command("CLUSTER MEET", "127.0.0.1", ports[1])  # type: ignore[no-untyped-call]
            wait_until(lambda: all(_is_complete(node) for node in (first, second)), 30, "the cluster is complete")
        yield TlsServers(f"rediss+cluster://127.0.0.1:{ports[0]}", servers)


def _server(port: int, options: str = "") -> str:
    """The line of a script that starts a server."""
    return f"$program --tls-port {port} {_TLS} {options} --save '' --dir $(mktemp -d) &\n"


def _is_complete(node: redis.Redis) -> bool:
    state: Any = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    return bool(state["cluster_state"] == "ok" and state["cluster_slots_assigned"] == "16384")


@contextmanager
def _running(authority: Authority, ports: tuple[int, ...], script: str, options: str) -> Iterator[None]:
    """Run a script that starts servers, until each answers."""
    image, _ = find_image()
    with _in_container(image, authority, ports, script) if image else _as_processes(authority, script):
        for port in ports:
            with connect(f"rediss://127.0.0.1:{port}?{options}", timeout_s=1) as client:
                wait_until(lambda client=client: _answers(client), 30, f"the server at {port} answers")  # type: ignore[misc]
        yield


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


@contextmanager
def _in_container(image: str, authority: Authority, ports: tuple[int, ...], script: str) -> Iterator[None]:
    # the reaper is a second image to pull
    testcontainers_config.ryuk_disabled = True
    program = "valkey-server" if "valkey" in image else "redis-server"
    text = f"program={program} folder={_FOLDER} bind=0.0.0.0\n{script}wait"
    container = DockerContainer(image, docker_client_kw={"timeout": TIMEOUT_S}).with_command(["sh", "-c", text])
    folder = authority.ca.parent
    folder.chmod(0o755)  # the server may run as another user
    container.with_volume_mapping(str(folder), _FOLDER, "ro")
    for port in ports:
        container.with_bind_ports(port, port)
    container.start()
    try:
        yield
    finally:
        container.stop()
        container.get_docker_client().client.close()


@contextmanager
def _as_processes(authority: Authority, script: str) -> Iterator[None]:
    binary = need_private_server()
    tried = subprocess.run([binary, "--tls-port", "0", "--port", "x"], capture_output=True, check=False)
    if b"tls-port" in tried.stdout + tried.stderr:
        pytest.skip(f"needs a redis-server built with TLS: apt-get install redis-server; or {HOW}")
    text = f"program={binary} folder={authority.ca.parent} bind=127.0.0.1\n{script}wait"
    process = subprocess.Popen(["sh", "-c", text], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
