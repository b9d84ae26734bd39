"""The system of docker-compose.yml does the main job, and no killed container loses a listing: `make compose-test`.

Not in `make test`: it needs a container engine, and an image that takes two minutes to build the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.containers.project import Project
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(900)

LISTINGS = 2000
TIMEOUT_S = 90


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """A system with two consumers and a champion."""
    project = Project()
    try:
        project.compose("up", "--detach", "--build", "--scale", "consumer=2")
        project.command("trainer", "train", "--models", "xgboost-reference")
        wait_until(lambda: _status(project)["state"] == "healthy", TIMEOUT_S, "the system is healthy")
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


def test_existing_champion_is_not_trained_again(project: Project) -> None:
    before = project.command("operator", "registry", "versions")
    again = project.command("trainer", "train", "--quick", "--unless-champion")
    assert (again["version"], again["is_trained"]) == ("1", False)
    assert project.command("operator", "registry", "versions") == before


def test_2000_sample_listings_get_one_outcome_each(project: Project) -> None:
    before = project.wait_for_answers()["entries"]
    assert project.command("client", "publish", "--sample", str(LISTINGS))["published"] == LISTINGS
    assert project.wait_for_answers()["entries"] == before + LISTINGS


def test_killing_any_one_container_loses_nothing(project: Project) -> None:
    before = project.wait_for_answers()["entries"]
    consumers = project.containers("consumer")
    (redis,) = project.containers("redis")

    # a consumer that is stopped while listings arrive has some in hand when it is killed; they arrive for 20 s, because
    # a command in a container takes seconds to see that they do
    with ThreadPoolExecutor() as executor:
        publishing = executor.submit(_publish, project, "--rate", "25")
        wait_until(lambda: project.verdict()["entries"] > before, TIMEOUT_S, "listings arrive")
        project.docker("kill", "--signal", "STOP", *consumers)
        publishing.result()
    assert _status(project)["backlog"]["pending"] > 0
    project.docker("kill", consumers[0])
    project.docker("kill", "--signal", "CONT", consumers[1])
    _start(project, consumers[0])

    # without consumers, all listings are pending or undelivered when Redis is killed
    project.docker("stop", *consumers)
    _publish(project)
    project.docker("kill", redis)
    _start(project, redis)
    _start(project, *consumers)

    for service in ("mlflow", "trainer", "monitor"):
        (container,) = project.containers(service)
        project.docker("kill", container)
        _publish(project)
        _start(project, container)
    # the worker still carries out commands with the restarted registry
    assert len(project.command("operator", "reload", "--wait")["confirmed"]) == len(consumers)

    verdict = project.wait_for_answers()
    assert verdict["entries"] == before + 5 * LISTINGS // 4
    assert sum(verdict["outcomes"].values()) == verdict["entries"]


def test_service_that_exits_cleanly_is_restarted(project: Project) -> None:
    (trainer,) = project.containers("trainer")
    restarts = int(project.inspect(trainer, "RestartCount"))
    project.docker("exec", trainer, "python3", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
    wait_until(lambda: int(project.inspect(trainer, "RestartCount")) > restarts, TIMEOUT_S, "the trainer is restarted")
    wait_until(lambda: project.is_healthy(trainer), TIMEOUT_S, "the trainer is healthy again")


def test_audit_log_is_written_by_the_monitor_read_by_the_trainer_and_erased_by_the_operator(
    project: Project,
) -> None:
    (monitor,), (trainer,) = project.containers("monitor"), project.containers("trainer")
    files = ("sh", "-c", "find /var/lib/tasador/archive -name '*.parquet'")
    _publish(project)
    written = wait_until(lambda: project.docker("exec", monitor, *files), TIMEOUT_S, "the log is written")
    assert set(written.split()) <= set(project.docker("exec", trainer, *files).split())
    refused = project.docker("exec", trainer, "sh", "-c", "touch /var/lib/tasador/archive/x 2>&1 || true")
    assert "Read-only file system" in refused
    assert project.command("operator", "forget", "nobody", "--yes")["predictions"] == 0


def test_consumers_can_be_scaled(project: Project) -> None:
    project.compose("up", "--detach", "--no-recreate", "--scale", "consumer=4")
    wait_until(lambda: _running(project) == 4, TIMEOUT_S, "four consumers run")


@pytest.mark.parametrize("service", ["consumer", "trainer", "monitor", "mlflow"])
def test_services_run_as_nobody_on_a_read_only_root_without_a_compiler(project: Project, service: str) -> None:
    container = project.containers(service)[0]
    assert project.docker("exec", container, "id", "-u").strip() == "65534"
    output = project.docker("exec", container, "sh", "-c", "touch /app/x 2>&1; command -v cc gcc g++ clang || true")
    assert "Read-only file system" in output
    assert len(output.splitlines()) == 1


def _publish(project: Project, *options: str) -> None:
    project.command("client", "publish", "--sample", str(LISTINGS // 4), *options)


def _start(project: Project, *containers: str) -> None:
    project.docker("start", *containers)
    wait_until(lambda: all(map(project.is_healthy, containers)), TIMEOUT_S, "the restarted containers are healthy")


def _status(project: Project) -> Any:
    return project.status()


def _running(project: Project) -> int:
    consumers = _status(project)["consumers"]
    return sum(each["is_living"] and each["heartbeat"]["state"] == "running" for each in consumers)
