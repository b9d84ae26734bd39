"""The servers that are measured: one Redis, or the nodes of a cluster, each a process on loopback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from schemas.errors import BenchmarkError
from tasador.bench.process import ContenderProcess
from tasador.machine.ports import LOOPBACK, find_free_port
from tasador.machine.redis_binary import find_binary
from tasador.machine.supervision import program_command
from transport.connection import connect
from transport.slots import slot_of_key

SLOTS = 16_384
MASTERS = 3
START_S = 30.0
_BUS = 10_000
"""A node listens to others on the port that is higher by this much."""
_HIGHEST_PORT = 55_535


class Servers:
    """Running servers.

    Attributes:
        url: their address for clients.
        ports: of each server.
        processes: one for each server.
    """

    def __init__(self, url: str, ports: list[int], processes: list[ContenderProcess]) -> None:
        self.url = url
        self.ports = ports
        self.processes = processes

    def cpu_s(self) -> float:
        """Processor seconds that all of them have used since they were started."""
        return sum(process.usage()[0] for process in self.processes)


def node_of_key(key: str) -> int:
    """The master of a cluster that has a key, counted from 0."""
    return slot_of_key(key) * MASTERS // SLOTS


@contextmanager
def one_server(folder: Path) -> Iterator[Servers]:
    """One Redis, without persistence."""
    port = find_free_port()
    with _server(folder / "one", port) as process:
        wait(lambda: ask(port, "PING"), "the server answers")
        yield Servers(f"redis://{LOOPBACK}:{port}/0", [port], [process])


@contextmanager
def cluster(folder: Path, *options: str, replicas: int = 0) -> Iterator[Servers]:
    """The masters of a cluster, which share the slots evenly, and then their replicas; nothing is kept on disk.

    Args:
        folder: for their logs.
        options: of every server.
        replicas: of each master; replica 0 of master 1 is server `MASTERS + 1`.
    """
    ports = [_free_bus_port() for _ in range(MASTERS * (1 + replicas))]
    masters = ports[:MASTERS]
    with ExitStack() as running:
        processes = [
            running.enter_context(_server(folder / f"node-{number}", port, "--cluster-enabled", "yes", *options))
            for number, port in enumerate(ports)
        ]
        for number, port in enumerate(ports):
            wait(lambda port=port: ask(port, "PING"), "the node answers")  # type: ignore[misc]
            ask(port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for number, port in enumerate(masters):
            slots = range(-(-SLOTS * number // MASTERS), -(-SLOTS * (number + 1) // MASTERS))
            ask(port, "CLUSTER", "ADDSLOTS", *slots)
        for port in ports[1:]:
            ask(port, "CLUSTER", "MEET", LOOPBACK, ports[0])
        wait(lambda: all("cluster_state:ok" in _text(ask(port, "CLUSTER", "INFO")) for port in ports), "it is complete")
        for number, port in enumerate(ports[MASTERS:]):
            _follow(port, _text(ask(masters[number % MASTERS], "CLUSTER", "MYID")))
        yield Servers(f"redis+cluster://{','.join(f'{LOOPBACK}:{port}' for port in masters)}", ports, processes)


def _follow(port: int, master: str) -> None:
    """Make a node the replica of a master, and wait until it has its data."""
    wait(lambda: master in _text(ask(port, "CLUSTER", "NODES")), "the node knows its master")
    ask(port, "CLUSTER", "REPLICATE", master)
    wait(lambda: ask(port, "ROLE")[3] == b"connected", "the replica has the data")


@contextmanager
def _server(folder: Path, port: int, *options: str) -> Iterator[ContenderProcess]:
    folder.mkdir(parents=True)
    place = ("--bind", LOOPBACK, "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no")
    command = program_command(str(find_binary()), *place, *options)
    with ContenderProcess("redis-server", command, dict(os.environ), folder / "redis.log") as process:
        yield process


def _free_bus_port() -> int:
    while (port := find_free_port()) > _HIGHEST_PORT or find_free_port(LOOPBACK, port + _BUS) != port + _BUS:
        pass
    return port


def ask(port: int, *command: Any) -> Any:
    """The reply of one server."""
    with connect(f"redis://{LOOPBACK}:{port}/0", timeout_s=2) as client:
        return client.execute_command(*command)


def _text(reply: Any) -> str:
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def wait(fact: Callable[[], object], what: str, within_s: float = START_S, every_s: float = 0.05) -> None:
    """Wait until something is true; while a server does not answer, it is not.

    Raises:
        BenchmarkError: it was not in time.
    """
    deadline_s = time.monotonic() + within_s
    cause = ""
    while time.monotonic() < deadline_s:
        try:
            if fact():
                return
        except RedisError as error:
            cause = f": {error}"
        time.sleep(every_s)
    raise BenchmarkError(f"not within {within_s:g} s: {what}{cause}")
