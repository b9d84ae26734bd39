"""The nodes of deploy/kubernetes/redis-cluster become a cluster that outlives a lost master: `make compose-test`.

Not in `make test`: it needs a container engine. The processes of the overlay are not started here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.containers.pods_as_containers import PodContainers
from tests.kubernetes.overlays import render_overlay
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

TIMEOUT_S = 60
NODES = 6


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodContainers]:
    """The nodes, and the end of the job that makes a cluster of them."""
    images = {"redis:8.0": os.environ.get("REDIS_IMAGE", "redis:8.0")}
    pods = PodContainers(render_overlay("cluster"), images, tmp_path_factory.mktemp("configs"))
    try:
        for number in range(NODES):
            pods.start("redis", number)
        pods.start("create-cluster")
        assert pods.wait_for_end("create-cluster") == 0, pods.logs("create-cluster")
        yield pods
    finally:
        pods.close()


def _ask(nodes: PodContainers, node: str, user: str, *command: str) -> str:
    """What a node answers a user, who follows redirections, or why there is no answer."""
    line = (
        f'REDISCLI_AUTH=$REDIS_{user.upper()}_PASSWORD redis-cli --no-auth-warning -c --user {user} "$@" 2>&1 || true'
    )
    return nodes.run(node, "sh", "-c", line, "sh", *command)


def _nodes_of(nodes: PodContainers, node: str) -> list[list[str]]:
    """The fields of `CLUSTER NODES`, of each node."""
    return [line.split() for line in _ask(nodes, node, "cluster", "cluster", "nodes").splitlines() if line]


def test_three_masters_have_a_replica_each_and_names_that_do_not_change(nodes: PodContainers) -> None:
    # the news that half of them are replicas takes a moment
    wait_until(lambda: sum("slave" in each[2] for each in _nodes_of(nodes, "redis-0")) == NODES // 2, TIMEOUT_S)
    found = _nodes_of(nodes, "redis-0")
    masters = {each[0] for each in found if "master" in each[2]}
    assert (len(found), len(masters)) == (NODES, 3)
    assert {each[3] for each in found if "slave" in each[2]} == masters
    assert "cluster_slots_assigned:16384" in _ask(nodes, "redis-5", "cluster", "cluster", "info")
    # a user of the product learns where keys are, and may not change it
    names = {f"redis-{number}.redis-nodes.tasador.svc.cluster.local" for number in range(NODES)}
    wait_until(lambda: names <= {*_ask(nodes, "redis-0", "consumer", "cluster", "slots").split()}, TIMEOUT_S)
    assert "NOPERM" in _ask(nodes, "redis-0", "consumer", "cluster", "reset")
    for number in range(NODES):
        assert "PONG" in _ask(nodes, f"redis-{number}", "monitor", "ping")


def test_a_replica_takes_over_with_the_entries_of_a_master_that_is_lost(nodes: PodContainers) -> None:
    listings = "{housing}:listings"
    entry = _ask(nodes, "redis-0", "client", "xadd", listings, "*", "data", "{}").strip()
    assert "-" in entry, entry
    (slot,) = _ask(nodes, "redis-0", "cluster", "cluster", "keyslot", listings).split()
    owners = {
        each[1].partition(",")[2].partition(".")[0]
        for each in _nodes_of(nodes, "redis-0")
        if any(_holds(part, int(slot)) for part in each[8:])
    }
    (owner,) = owners
    other = next(f"redis-{number}" for number in range(NODES) if f"redis-{number}" != owner)
    replicas = _ask(nodes, owner, "monitor", "info", "replication")
    assert "connected_slaves:1" in replicas
    wait_until(lambda: "lag=0" in _ask(nodes, owner, "monitor", "info", "replication"), TIMEOUT_S)
    nodes.kill(owner)
    wait_until(lambda: entry in _ask(nodes, other, "monitor", "xrange", listings, "-", "+"), TIMEOUT_S, "it took over")
    # it comes back with another address, as a replica, and the job finds nothing to make
    nodes.start("redis", int(owner.removeprefix("redis-")))
    wait_until(lambda: "role:slave" in _ask(nodes, owner, "monitor", "info", "replication"), TIMEOUT_S, "it is back")
    nodes.kill("create-cluster")
    nodes.start("create-cluster")
    assert nodes.wait_for_end("create-cluster") == 0, nodes.logs("create-cluster")
    assert entry in _ask(nodes, owner, "monitor", "xrange", listings, "-", "+")


def _holds(part: str, slot: int) -> bool:
    """Whether a range of slots, such as 0-5460, has a slot."""
    first, _, last = part.partition("-")
    return first.isdecimal() and int(first) <= slot <= int(last or first)
