"""A cluster of redis-servers on loopback, whose nodes a test can kill and whose slots it can move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis.exceptions

from tests.network import Network
from tests.redis_server import RedisServer
from tests.waiting import wait_until
from transport.connection import connect
from transport.slots import slot_of_key

SLOTS = 16_384
BUS = 10_000
"""The port on which nodes speak to each other is so far above that for clients."""
NODE_TIMEOUT_MS = 1500
"""After which the others take a node for dead."""


class RedisCluster:
    """Masters that share all slots, each with as many replicas.

    Args:
        folder: for the nodes' data and logs.
        masters: how many.
        replicas: of each master.
        network: stands between the nodes, and between them and their clients, if given.

    Attributes:
        nodes: all servers, the masters first.
    """

    def __init__(self, folder: Path, masters: int, replicas: int = 0, network: Network | None = None) -> None:
        # otherwise all masters would refuse while one of them is away
        partly = ("--cluster-require-full-coverage", "no")
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS), *partly)
        count = masters * (1 + replicas)
        self.nodes = [RedisServer(folder / f"node-{number}", *options) for number in range(count)]
        self._masters = masters
        self._ports = {node: node.port for node in self.nodes}
        self._bus_ports = {node: node.port + BUS for node in self.nodes}
        if network:
            for node in self.nodes:
                self._announce(node, network)

    @property
    def url(self) -> str:
        """The address of the cluster, by its first nodes, of which one may be away."""
        return self.url_at(0, min(1, len(self.nodes) - 1))

    def url_at(self, *numbers: int) -> str:
        """The address of the cluster, by these nodes."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{self._ports[self.nodes[number]]}' for number in numbers)}"

    def start(self) -> None:
        """Start the nodes, share the slots, and wait until every node serves."""
        for node in self.nodes:
            node.start()
        masters = self.nodes[: self._masters]
        for number, node in enumerate(masters):
            first, end = (SLOTS * each // len(masters) for each in (number, number + 1))
            ask(node, "CLUSTER", "ADDSLOTS", *range(first, end))
            # so that each has its own from the start; colliding ones are settled within seconds
            ask(node, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            ask(node, "CLUSTER", "MEET", "127.0.0.1", self._ports[self.nodes[0]], self._bus_ports[self.nodes[0]])
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes), 30, "nodes know each other")
        for number, node in enumerate(self.nodes[self._masters :]):
            ask(node, "CLUSTER", "REPLICATE", id_of(masters[number % len(masters)]))
        wait_until(lambda: all(self._is_ok(node) for node in self.nodes), 30, "the cluster is complete")

    def stop(self) -> None:
        """Kill all nodes."""
        for node in self.nodes:
            node.kill()

    def owner(self, key: str) -> RedisServer:
        """The node that owns a key's slot, as most living nodes see it."""
        slot = slot_of_key(key)
        seen: list[int] = []
        for node in self.nodes:
            try:
                slots: Any = ask(node, "CLUSTER", "SLOTS")
            except redis.exceptions.RedisError:
                continue  # it is killed or stopped
            seen += [master[1] for first, last, master, *_ in slots if first <= slot <= last]
        return self._node_at(max(set(seen), key=seen.count))

    def masters(self) -> list[RedisServer]:
        """The living masters."""
        return [node for node in self.nodes if node.is_running and _role_of(node) == "master"]

    def replica_of(self, master: RedisServer) -> RedisServer:
        """A living replica of a master."""
        found = (node for node in self.nodes if node.is_running and _role_of(node) == "slave")
        return next(node for node in found if ask(node, "ROLE")[2] == self._ports[master])

    def wait_for_other_owner(self, key: str, former: RedisServer) -> RedisServer:
        """Wait until a replica has taken over a slot of a killed master."""
        wait_until(lambda: self.owner(key) is not former, 30, "a replica has taken over")
        return self.owner(key)

    def is_replicated(self) -> bool:
        """Whether all replicas are connected."""
        return all(self._is_ok(node) for node in self.nodes)

    def is_serving(self, node: RedisServer) -> bool:
        """Whether a node takes the cluster for complete, or for enough of it, and answers its clients."""
        return "cluster_state:ok" in ask(node, "CLUSTER", "INFO").decode()

    def open_move(self, slot: int, target: RedisServer) -> RedisServer:
        """Begin to move a slot; its keys are still where they were. Returns the source."""
        source = self._owner_of(slot)
        ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", id_of(source))
        ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", id_of(target))
        return source

    def move_keys(self, slot: int, source: RedisServer, target: RedisServer) -> int:
        """Move the keys of a slot that is being moved; returns how many."""
        moved = 0
        while keys := ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                ask(source, "MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
            moved += len(keys)
        return moved

    def close_move(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """End the move of a slot."""
        for node in (target, source):
            ask(node, "CLUSTER", "SETSLOT", slot, "NODE", id_of(target))

    def move(self, slot: int, target: RedisServer) -> int:
        """Move a slot with its keys; returns how many keys moved."""
        source = self.open_move(slot, target)
        moved = self.move_keys(slot, source, target)
        self.close_move(slot, source, target)
        return moved

    def _owner_of(self, slot: int) -> RedisServer:
        for first, last, master, *_ in ask(self.nodes[0], "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self._node_at(master[1])
        raise AssertionError(f"slot {slot} has no owner")

    def _announce(self, node: RedisServer, network: Network) -> None:
        """Let everyone reach a node through the network."""
        self._ports[node] = network.front(node.port)
        self._bus_ports[node] = network.front(node.port, node.port + BUS)
        node.add_options("--cluster-announce-port", str(self._ports[node]))
        node.add_options("--cluster-announce-bus-port", str(self._bus_ports[node]))

    def _node_at(self, port: int) -> RedisServer:
        return next(node for node in self.nodes if self._ports[node] == port)

    def _knows_all(self, node: RedisServer) -> bool:
        lines = ask(node, "CLUSTER", "NODES").decode().splitlines()
        return len(lines) == len(self.nodes) and not any("handshake" in line for line in lines)

    def _is_ok(self, node: RedisServer) -> bool:
        with connect(node.url) as client:
            replication: Any = client.info("replication")
        return self.is_serving(node) and replication.get("master_link_status", "up") == "up"


def ask(node: RedisServer, *command: Any) -> Any:
    """One node's reply."""
    with connect(node.url, timeout_s=2) as client:
        return client.execute_command(*command)


def id_of(node: RedisServer) -> str:
    """The name of a node in its cluster."""
    return str(ask(node, "CLUSTER", "MYID").decode())


def _role_of(node: RedisServer) -> str:
    return str(ask(node, "ROLE")[0].decode())
