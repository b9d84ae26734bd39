"""A master dies, its replica takes over, and the address follows it, as with HAProxy."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasador.machine.redis_binary import find_binary
from tests.conftest import StartRedis
from tests.consumer.harness import Client
from tests.faults.conftest import Record, StartProxy, StartRound
from tests.faults.harness import wait_for
from tests.faults.proxy import FaultyProxy
from tests.redis_server import free_port
from transport.connection import connect

pytestmark = pytest.mark.faults
Watch = Callable[[int], Client]
MASTER = "main"


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[Watch]:
    """Starts a Sentinel that watches the master on a port; returns a client of the Sentinel."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(master_port: int) -> Client:
        port = free_port()
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor {MASTER} 127.0.0.1 {master_port} 1\n"
            f"sentinel down-after-milliseconds {MASTER} 500\nsentinel failover-timeout {MASTER} 5000\n"
        )
        command = [str(find_binary()), str(config), "--sentinel"]
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        client = connect(f"redis://127.0.0.1:{port}/0")
        wait_for(lambda: client.sentinel_slaves(MASTER), "Sentinel knows the replica")
        return client

    yield start
    for process in processes:
        process.kill()
        process.wait()


class MasterFollower:
    """Points a proxy at the master that Sentinel names, and cuts connections to the former one."""

    def __init__(self, watch: Client, proxy: FaultyProxy, port: int) -> None:
        self.port = port
        self._watch, self._proxy = watch, proxy
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(0.05):
            _, port = self._watch.sentinel_get_master_addr_by_name(MASTER)
            if port != self.port:
                self._proxy.retarget(f"redis://127.0.0.1:{port}")
                self._proxy.cut()
                self.port = port


def is_replicated(url: str) -> bool:
    """Whether a replica is connected and nearly up to date."""
    with connect(url) as client:
        state: Any = client.info("replication")
    return any(
        name.startswith("slave") and each["state"] == "online" and state["master_repl_offset"] - each["offset"] < 10_000
        for name, each in state.items()
        if isinstance(each, dict)
    )


def is_master(url: str) -> bool:
    """Whether a master answers at this URL."""
    with connect(url) as client:
        return bool(client.info("replication")["role"] == "master")


@pytest.mark.parametrize("is_crash", [False, True], ids=["planned", "crash"])
def test_failover_to_a_replica(
    private_redis: StartRedis,
    start_round: StartRound,
    start_proxy: StartProxy,
    sentinel: Watch,
    record: Record,
    *,
    is_crash: bool,
) -> None:
    """What the replica had received keeps one outcome; what it had not received is lost, and counted here."""
    master = private_redis()
    private_redis("--replicaof", "127.0.0.1", str(master.port))
    wait_for(lambda: is_replicated(master.url), "the replica is up to date")
    watch = sentinel(master.port)
    proxy = start_proxy(master.url)
    follower = MasterFollower(watch, proxy, master.port)
    round_ = start_round(proxy.url)
    round_.start("a", "b")
    time.sleep(round_.random.uniform(0.5, 1.0))
    wait_for(lambda: is_replicated(master.url), "the replica is up to date")
    if is_crash:
        master.kill()
        round_.count(masters_killed=1)
    else:
        watch.sentinel_failover(MASTER)
    wait_for(lambda: follower.port != master.port, "the replica has taken over")
    round_.count(failovers=1)
    wait_for(lambda: is_master(proxy.url), "the address leads to a master")
    round_.wait_for_answers()
    figures = round_.finish(is_undone=True)
    follower.stop()
    watch.close()
    assert figures["receipts_undone"] < figures["receipts"]
    record(figures)
