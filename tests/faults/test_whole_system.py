"""The whole system by the address of Sentinels, and by that of a cluster: every process, and an operator's commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.redis_cluster import RedisCluster
from tests.redis_server import RedisServer
from tests.tasador.installation import Installation
from tests.waiting import wait_until
from tests.watched_redis import WatchedRedis

pytestmark = pytest.mark.cluster
STREAMS = Streams("{housing}")
PROCESSES = ("consumers", "trainers", "monitors", "explainers", "gateways")


@pytest.fixture(params=["sentinel", "cluster"])
def replicated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WatchedRedis | RedisCluster]:
    kind = request.param
    servers = WatchedRedis(tmp_path / kind) if kind == "sentinel" else RedisCluster(tmp_path / kind, 3, replicas=1)
    servers.start()
    yield servers
    servers.stop()


def fail_over(servers: WatchedRedis | RedisCluster) -> RedisServer:
    """Kill the master that has the domain's keys, and wait until a replica has taken over."""
    former = servers.owner(STREAMS.listings)
    former.kill()
    return servers.wait_for_other_owner(STREAMS.listings, former)


def is_healthy(machine: Installation) -> bool:
    """Whether there is a process of each kind, and `tasador status` finds nothing wrong."""
    done = machine.call("status", "--json")
    status = json.loads(done.stdout) if done.returncode == 0 else {"state": done.stderr}
    return status["state"] == "healthy" and all(status[kind] for kind in PROCESSES)


def test_the_whole_system_goes_on_after_a_failover(replicated: WatchedRedis | RedisCluster, tmp_path: Path) -> None:
    machine = Installation(tmp_path)
    machine.environment |= {"TASADOR_REDIS_URL": replicated.url, "TASADOR_PREFIX": STREAMS.prefix}
    with (tmp_path / "up.log").open("wb") as log, machine.up(log) as process:
        before = wait_until(lambda: machine.call("publish", "--sample", "200", "--wait"), 60)
        assert "200 scored" in before.stdout, before.stderr
        wait_until(lambda: is_healthy(machine), 60, "all processes are well")
        fail_over(replicated)
        wait_until(lambda: is_healthy(machine), 60, "all processes are well again")
        after = machine.call("publish", "--sample", "200", "--wait")
        assert "200 scored" in after.stdout or "repeat" in after.stdout, after.stderr
        reloaded = machine.call("reload", "--version", "1", "--wait")
        assert reloaded.returncode == 0, reloaded.stderr
        verified = machine.call("verify", "--complete")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        process.terminate()
        assert process.wait(120) == 0, machine.read_log(log)
