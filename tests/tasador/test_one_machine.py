"""The whole system on one machine: the demo, then `tasador up` in the same home folder, which has an awkward name."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.folders import AWKWARD_NAME
from tests.tasador.installation import Installation
from tests.waiting import wait_until

START_TIMEOUT_S = 90


def _readme_program() -> str:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(program)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("machine") / AWKWARD_NAME
    folder.mkdir()
    return Installation(folder)


@pytest.fixture(scope="module")
def demo(machine: Installation) -> subprocess.CompletedProcess[str]:
    return machine.call("demo")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "up.log").open("wb") as file:
        yield file


pytestmark = [pytest.mark.long]


def test_the_demo_gives_every_listing_one_outcome_across_a_swap(
    machine: Installation, demo: subprocess.CompletedProcess[str]
) -> None:
    assert demo.returncode == 0, demo.stderr
    assert "all 513 listings got exactly one outcome" in demo.stdout
    assert "scored       506, of which 105 with missing values imputed" in demo.stdout
    assert "missing_feature 2" in demo.stdout
    assert "1 (linear)" in demo.stdout
    assert "2 (xgboost-reference)" in demo.stdout
    assert all(f"consumer-{number} confirms version 2" in demo.stdout for number in (1, 2))
    assert machine.pids() == [], "no process is left"
    assert [path.name for path in machine.folder.parent.iterdir()] == [machine.folder.name], "nothing is beside it"
    assert [path.name for path in machine.folder.iterdir()] == [machine.home.name]


@pytest.mark.usefixtures("demo")
def test_up_is_found_by_other_commands_restarts_processes_and_stops_in_order(
    machine: Installation, log: IO[bytes]
) -> None:
    with machine.up(log) as system:
        wait_until(lambda: "second terminal" in machine.read_log(log), START_TIMEOUT_S, "the system runs")
        status = json.loads(machine.call("status", "--json").stdout)
        assert status["totals"]["scored"] == 506, "the totals of the demo are kept"

        # as in the tour of the README
        before = status["model"]["version"]
        other = next(one["version"] for one in machine.read("registry", "versions") if one["version"] != before)
        force = ("--force", "--reason", "a try", "--wait")
        assert machine.read("reload", "--version", other, *force)["confirmed"].keys() == {"consumer-1"}
        assert machine.read("rollback", "--wait")["version"] == before
        shown = [(one["deed"], one["version"], one["reason"]) for one in machine.read("history", "--limit", "2")]
        assert shown == [("rollback", before, ""), ("reload", other, "a try")]

        second = machine.call("up")
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"(pid {system.pid})" in second.stderr

        program = machine.run_python(_readme_program())
        assert program.stdout.startswith("home-1 "), program.stderr
        assert "['AGE']" in program.stdout
        again = machine.run_python(_readme_program())
        assert again.stdout == program.stdout, f"a repeat gets the same prediction: {again.stderr}"

        (consumer,) = (beat["heartbeat"] for beat in status["consumers"] if beat["is_living"])
        os.kill(consumer["pid"], signal.SIGKILL)
        published = machine.read("publish", "--sample", "20")["published"]
        wait_until(lambda: machine.scored() == 507 + published, 40, "all are scored")
        assert "housing/consumer-1 was killed by SIGKILL" in machine.read_log(log)
        assert "housing/consumer-1 restarted" in machine.read_log(log)

        system.send_signal(signal.SIGTERM)
        assert system.wait(120) == 0
    assert "stopped; state stays in .tasador" in machine.read_log(log)
    assert machine.pids() == []
    assert not (machine.home / "run.json").exists()
    assert "shut down gracefully" in (machine.home / "logs/housing/consumer-1.log").read_text(encoding="utf-8")


@pytest.mark.usefixtures("demo")
def test_nothing_outlives_a_killed_system(machine: Installation, log: IO[bytes]) -> None:
    with machine.up(log) as system:
        run_file = machine.home / "run.json"
        wait_until(lambda: run_file.exists() and "consumer-1" in run_file.read_text(encoding="utf-8"), 40, "it runs")
        assert len(machine.pids()) >= 3, "itself, Redis and a consumer"
        system.kill()
        system.wait()
    wait_until(lambda: machine.pids() == [], 40, "Redis and all processes have ended")
    status = machine.call("status")
    assert (status.returncode, "start the system with `tasador up`" in status.stderr) == (2, True)
