"""A master with replicas on loopback, and the Sentinels that watch it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from tasador.machine.redis_binary import find_binary
from tests.network import Network
from tests.redis_server import RedisServer, free_port
from tests.waiting import wait_until
from transport.connection import connect

MASTER = "main"
DOWN_AFTER_MS = 500
"""After which a Sentinel takes a silent master for dead."""


class WatchedRedis:
    """One master, its replicas, and Sentinels.

    Args:
        folder: for data, logs and the Sentinels' own files.
        replicas: of the master.
        sentinels: how many; the majority decides.
        network: stands between all of them, and before the servers' clients, if given.

    Attributes:
        servers: the master of the start, then its replicas.
        sentinel_ports: of the Sentinels on 127.0.0.1.
    """

    def __init__(self, folder: Path, replicas: int = 2, sentinels: int = 3, network: Network | None = None) -> None:
        # without them, a master that was replaced confirms writes until the Sentinels demote it, about 8 s later
        options = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2", "--repl-diskless-sync-delay", "0")
        self.servers = [RedisServer(folder / f"redis-{number}", *options) for number in range(1 + replicas)]
        self.sentinel_ports = [free_port() for _ in range(sentinels)]
        self._ports = {server: server.port for server in self.servers}
        if network:
            for server in self.servers:
                self._ports[server] = network.front(server.port)
                server.add_options("--replica-announce-port", str(self._ports[server]))
        self._folder = folder
        self._sentinels: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The address of the master, by its Sentinels."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.sentinel_ports)}/{MASTER}"

    @property
    def master(self) -> RedisServer:
        """The server that most of the living Sentinels take for the master."""
        ports = [self._ask(number, "GET-MASTER-ADDR-BY-NAME", MASTER)[1] for number in self._living()]
        port = int(max(set(ports), key=ports.count))
        return next(server for server in self.servers if self._ports[server] == port)

    def start(self) -> None:
        """Start everything, and wait until the Sentinels know the replicas and each other."""
        first, *replicas = self.servers
        for server in self.servers:
            server.start()
        for server in replicas:
            replicate(server, self._ports[first])
        for number, port in enumerate(self.sentinel_ports):
            self._start_sentinel(number, port, self._ports[first])
        wait_until(self._is_settled, 30, "the Sentinels know the replicas and each other")

    def stop(self) -> None:
        """Kill everything."""
        for process in self._sentinels:
            process.kill()
            process.wait()
        for server in self.servers:
            server.kill()

    def fail_over(self) -> RedisServer:
        """Let a replica take over from the living master; returns the new one."""
        former = self.master
        wait_until(self._is_settled, 30, "the replicas are connected")
        self._ask(self._living()[0], "FAILOVER", MASTER)
        return self.wait_for_other_owner("", former)

    def owner(self, _: str) -> RedisServer:
        """The master, which has every key."""
        return self.master

    def wait_for_other_owner(self, _: str, former: RedisServer) -> RedisServer:
        """Wait until the Sentinels name another master, and it is one."""

        def is_other() -> bool:
            master = self.master
            return master is not former and role_of(master) == "master"

        wait_until(is_other, 30, "a replica has taken over")
        return self.master

    def kill_sentinel(self, number: int) -> None:
        """Kill one Sentinel."""
        self._sentinels[number].kill()
        self._sentinels[number].wait()

    def _living(self) -> list[int]:
        return [number for number, process in enumerate(self._sentinels) if process.poll() is None]

    def _start_sentinel(self, number: int, port: int, master_port: int) -> None:
        folder = self._folder / f"sentinel-{number}"
        folder.mkdir(parents=True)
        config = folder / "sentinel.conf"
        quorum = len(self.sentinel_ports) // 2 + 1
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/sentinel.log\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {master_port} {quorum}\n"
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\nsentinel failover-timeout {MASTER} 2000\n"
        )
        command = [str(find_binary()), str(config), "--sentinel"]
        self._sentinels.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _is_settled(self) -> bool:
        try:
            return all(self._knows_all(number) for number in self._living())
        except (RedisError, OSError):
            return False

    def _knows_all(self, number: int) -> bool:
        state = _fields(self._ask(number, "MASTER", MASTER))
        replicas = [_fields(each) for each in self._ask(number, "REPLICAS", MASTER)]
        connected = [each for each in replicas if each["flags"] == "slave" and each["master-link-status"] == "ok"]
        others = len(self._sentinels) - 1
        return int(state["num-other-sentinels"]) == others and len(connected) >= len(self.servers) - 1

    def _ask(self, number: int, *command: Any) -> Any:
        with connect(f"redis://127.0.0.1:{self.sentinel_ports[number]}", timeout_s=2) as client:
            return client.execute_command("SENTINEL", *command)


def replicate(server: RedisServer, port: int) -> None:
    """Let a server follow the master at a port."""
    with connect(server.url) as client:
        client.replicaof("127.0.0.1", port)


def role_of(server: RedisServer) -> str:
    """Whether a server is a `master` or a `slave`, in Redis's words."""
    with connect(server.url) as client:
        role: Any = client.info("replication")["role"]
    return str(role)


def _fields(reply: list[bytes]) -> dict[str, str]:
    return dict(zip(*([each.decode() for each in reply[start::2]] for start in (0, 1)), strict=True))
