"""The system of docker-compose.yml on a cluster of Redis, without TLS and with it: `make compose-test`.

Not in `make test`: it needs a container engine, and an image that takes two minutes to build the first time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.consumer.harness import ROW
from tests.containers.project import ROOT, Project
from tests.security.certificates import Authority
from tests.waiting import wait_until
from transport.slots import slot_of_key

pytestmark = pytest.mark.timeout(900)

LISTINGS = 600
SHARDS = 3
TIMEOUT_S = 90
NODES = ("redis", *(f"redis-{number}" for number in range(1, 6)))
STREAMS = Streams("{housing}")
TLS = """
REDIS_SCHEME=rediss+cluster
REDIS_OPTIONS=?ssl_ca_certs=/run/secrets/redis-ca
TLS_CA={authority.ca}
TLS_CERTIFICATE={authority.certificate}
TLS_KEY={authority.key}
"""
_PREDICT = """
import sys, urllib.request
headers = {"Authorization": f"Bearer {sys.argv[1]}", "Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8000/predict", sys.argv[2].encode(), headers)
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In place of .env, which the test appends to as an operator would."""
    file = tmp_path_factory.mktemp("environment") / ".env"
    file.write_text((ROOT / "deploy/cluster.env").read_text(encoding="utf-8"), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def project(env_file: Path) -> Iterator[Project]:
    """A system on a cluster, with a champion and three shards."""
    project = Project(env_file)
    try:
        project.compose("up", "--detach", "--build")
        project.command("trainer", "train", "--models", "xgboost-reference")
        _wait_until_healthy(project)
        project.command("operator", "shards", "set", str(SHARDS), "--wait")
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


def test_listings_of_three_shards_on_different_masters_are_answered(project: Project) -> None:
    masters = {_owner(project, shard) for shard in range(SHARDS)}
    assert len(masters) > 1
    _publish(project)
    verdict = project.wait_for_answers()
    assert verdict["entries"] == LISTINGS


def test_answers_go_on_when_the_container_of_a_master_is_killed(project: Project) -> None:
    before = project.wait_for_answers()["entries"]
    killed = _owner(project, shard=1)
    project.docker("kill", *project.containers(killed))
    wait_until(lambda: _owner(project, shard=1) != killed, TIMEOUT_S, "a replica has taken over")
    _publish(project)
    assert project.wait_for_answers()["entries"] == before + LISTINGS
    # it comes back as a replica, which is healthy once it knows all nodes
    project.compose("up", "--detach")
    (container,) = project.containers(killed)
    wait_until(lambda: project.is_healthy(container), TIMEOUT_S, "the killed node is back")
    assert _owner(project, shard=1) != killed


def test_with_its_volumes_and_tls_a_stopped_cluster_starts_again(
    project: Project, env_file: Path, tmp_path: Path
) -> None:
    before = project.wait_for_answers()["entries"]
    # as make compose-down does
    project.compose("stop", "consumer", "trainer", "monitor", "explainer")
    project.compose("down")
    authority = Authority(tmp_path / "tls", *(f"redis-{number}" for number in range(len(NODES))))
    # the server runs as another user
    authority.key.chmod(0o644)
    with env_file.open("a", encoding="utf-8") as file:
        file.write(TLS.format(authority=authority))
    project.compose("up", "--detach")
    _wait_until_healthy(project)
    (job,) = project.containers("create-cluster")
    assert project.docker("wait", job).strip() == "0"
    _publish(project)
    assert project.wait_for_answers()["entries"] == before + LISTINGS


def test_the_gateway_answers_on_the_cluster(project: Project) -> None:
    key = project.command("operator", "keys", "add", "web-shop")["key"]
    project.compose("up", "--detach", "gateway")
    (gateway,) = project.containers("gateway")
    wait_until(lambda: project.is_healthy(gateway), TIMEOUT_S, "the gateway is healthy")
    answer = json.loads(project.docker("exec", gateway, "python3", "-c", _PREDICT, key, json.dumps(ROW)))
    assert answer["model_version"] == "1"


def _publish(project: Project) -> None:
    assert project.command("client", "publish", "--sample", str(LISTINGS))["published"] == LISTINGS


def _wait_until_healthy(project: Project) -> None:
    wait_until(lambda: project.status()["state"] == "healthy", TIMEOUT_S, "the system is healthy")


def _owner(project: Project, shard: int) -> str:
    """The service of the master that has a shard, as the first node that runs knows it."""
    slot = slot_of_key(STREAMS.of_shard(shard).listings)
    command = "REDISCLI_AUTH=$REDIS_CLUSTER_PASSWORD redis-cli --no-auth-warning --user cluster cluster nodes"
    running = next(
        container
        for service in NODES
        for container in project.containers(service)
        if project.inspect(container, "State.Running") == "true"
    )
    for line in project.docker("exec", running, "sh", "-c", command).splitlines():
        fields = line.split()
        if "master" in fields[2] and "fail" not in fields[2]:
            ranges = [part.partition("-") for part in fields[8:] if not part.startswith("[")]
            if any(int(first) <= slot <= int(last or first) for first, _, last in ranges):
                return fields[1].rpartition(",")[2].replace("redis-0", "redis")
    return ""
