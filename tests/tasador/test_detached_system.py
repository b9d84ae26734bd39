"""A system in the background: found, restarted, enlarged and stopped by other commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.errors import SupervisorError
from tasador.machine.control import ControlRequest, send_request
from tasador.machine.readiness import why_not_ready
from tasador.machine.running_system import RunningSystem, read_running_system, write_running_system
from tests.models import SmallModel, small_model
from tests.tasador.installation import Installation
from tests.tasador.typed_here import type_here
from tests.waiting import wait_until

__all__ = ["small_model"]

pytestmark = [pytest.mark.long]

FLATS = """
import sys
from schemas.domains.housing import Housing

class Flats(Housing):
    name = "flats"
"""
BREAKS_IN_THE_TRAINER = FLATS.replace("class", "assert 'trainer' not in sys.argv, 'no such unit'\n\nclass")
Here = Callable[..., subprocess.CompletedProcess[str]]
BOTH = "domains: {housing: {}, flats: {path: 'flats:Flats'}}\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, small_model: SmallModel) -> Iterator[Installation]:
    """A home folder with a champion, whose path is longer than that of a socket may be and needs quotes."""
    folder = tmp_path_factory.mktemp("machine") / ("it's a long way " * 7)
    folder.mkdir()
    installation = Installation(folder)
    small_model.in_copy(installation.home)
    yield installation
    installation.call("down")


@pytest.fixture(scope="module")
def started(machine: Installation) -> subprocess.CompletedProcess[str]:
    return machine.call("up", "--detach", "--consumers", "1")


@pytest.fixture
def here(machine: Installation, capfd: pytest.CaptureFixture[str]) -> Here:
    """Runs a command in this process, in the folder of the machine."""
    return lambda *words: type_here(machine.folder, machine.environment, capfd, *words)


@pytest.fixture
def system(machine: Installation, started: subprocess.CompletedProcess[str]) -> RunningSystem:
    """What runs now."""
    assert started.returncode == 0, started.stderr
    found = read_running_system(machine.home)
    assert found is not None
    return found


def test_detach_returns_when_everything_is_ready_and_says_where(
    started: subprocess.CompletedProcess[str], system: RunningSystem
) -> None:
    assert list(system.parts) == [
        *("housing/consumer-1", "housing/trainer", "housing/explainer", "housing/monitor", "gateway", "console")
    ]
    assert [why_not_ready(url) for url in system.parts.values()] == [""] * 6
    for name, url in system.parts.items():
        assert f"{url}/{'' if name == 'console' else 'readyz'}" in started.stdout
        assert f"log .tasador/logs/{name}.log" in started.stdout
    training = "version 1 of housing (xgboost-reference) is already champion: nothing to train"
    assert training in started.stderr, "what the start does is shown"
    assert "tasador down` stops everything" in started.stdout


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_a_second_system_is_told_how_to_use_the_first(options: tuple[str, ...], here: Here) -> None:
    second = here("up", *options)
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert all(f"`tasador {command}`" in second.stderr for command in ("status", "up --domain NAME", "down"))


@pytest.mark.usefixtures("system")
def test_a_restart_under_load_loses_nothing(machine: Installation, here: Here) -> None:
    words = ("publish", "--sample", "3000", "--rate", "1000", "--timeout", "60", "--wait")
    before = machine.scored()
    with subprocess.Popen(
        [sys.executable, "-m", "tasador", *words], cwd=machine.folder, env=machine.environment, stdout=subprocess.PIPE
    ) as publishing:
        wait_until(lambda: machine.scored() > before, message="listings are scored")
        restarted = [here("restart", name) for name in ("consumer-1", "housing/trainer")]
        assert publishing.wait(120) == 0
    assert [done.returncode for done in restarted] == [0, 0]
    assert [done.stdout for done in restarted] == [
        f"housing/{name} was restarted and is ready\n" for name in ("consumer-1", "trainer")
    ]
    assert machine.scored() == before + 3000
    assert here("verify", "--complete").returncode == 0


def test_a_restart_starts_another_process_and_leaves_the_others(
    machine: Installation, system: RunningSystem, here: Here
) -> None:
    here("restart", "monitor")
    now = read_running_system(machine.home)
    assert now is not None
    changed = [name for name, process in now.processes.items() if process != system.processes[name]]
    assert changed == ["housing/monitor"]


def test_a_wrong_configuration_is_found_before_a_restart_stops_anything(
    machine: Installation, system: RunningSystem, here: Here
) -> None:
    params = machine.folder / "params.yaml"
    params.write_text("no_such_key: 1\n")
    try:
        refused = here("restart", "consumer-1")
    finally:
        params.unlink()
    assert (refused.returncode, refused.stderr) == (78, "tasador: params.yaml: no_such_key: there is no such setting\n")
    assert read_running_system(machine.home) == system


def test_an_unknown_process_is_an_error_that_names_the_others(
    machine: Installation, system: RunningSystem, here: Here
) -> None:
    unknown = here("restart", "cosumer-1")
    assert unknown.returncode == 1
    assert unknown.stderr == f"tasador: no process 'cosumer-1'; there are {', '.join(system.parts)}\n"
    with pytest.raises(SupervisorError, match="no process 'redis' is running"):
        send_request(machine.home, ControlRequest(verb="restart", target="redis"))


@pytest.mark.usefixtures("system")
def test_logs_are_listed_shown_and_followed(machine: Installation, here: Here) -> None:
    listed = here("logs").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [
        *("housing/consumer-1", "housing/explainer", "housing/monitor", "housing/trainer"),
        *("gateway", "console", "redis", "up"),
    ]
    log = (machine.home / "logs/housing/trainer.log").read_text(encoding="utf-8").splitlines()
    assert here("logs", "trainer", "-n", "3").stdout.splitlines() == log[-3:]
    words = [sys.executable, "-m", "tasador", "logs", "up", "-f", "-n", "1"]
    with subprocess.Popen(
        words, cwd=machine.folder, env=machine.environment, stdout=subprocess.PIPE, text=True
    ) as follower:
        try:
            assert follower.stdout is not None
            assert follower.stdout.readline(), "the last line so far"
            here("restart", "monitor")
            assert follower.stdout.readline() == "housing/monitor is restarted on request\n"
            follower.send_signal(signal.SIGINT)
            assert follower.wait(120) == 0
        finally:
            follower.kill()


@pytest.mark.rounds
@pytest.mark.usefixtures("system")
def test_a_domain_is_added_to_the_running_system_and_removed(machine: Installation) -> None:
    (machine.folder / "flats.py").write_text(FLATS)
    (machine.folder / "params.yaml").write_text(BOTH)
    added = machine.call("up", "--domain", "flats", "--consumers", "1")
    assert added.returncode == 0, added.stderr
    assert "version 1 of flats (linear) is champion" in added.stdout
    answers = [machine.read("publish", "--sample", "20", "--wait", "--domain", name) for name in ("housing", "flats")]
    assert [each["answers"] for each in answers] == [{"scored": 20}, {"scored": 20}]

    again = machine.call("up", "--domain", "flats")
    assert again.stderr == "tasador: flats is already running: `tasador status --domain flats` shows it\n"
    ambiguous = machine.call("restart", "trainer")
    assert ambiguous.stderr == "tasador: 'trainer' may be housing/trainer or flats/trainer: name one of them\n"

    removed = machine.call("down", "--domain", "flats")
    assert removed.stdout == "stopped flats/consumer-1, flats/trainer, flats/explainer, flats/monitor\n"
    left = read_running_system(machine.home)
    assert left is not None
    assert left.domains == ["housing"]
    assert machine.read("publish", "--sample", "5", "--wait")["answers"] == {"scored": 5}


@pytest.mark.rounds  # the domain has the champion of the test before
def test_an_added_domain_that_cannot_start_is_removed_and_the_others_stay(
    machine: Installation, system: RunningSystem
) -> None:
    (machine.folder / "flats.py").write_text(BREAKS_IN_THE_TRAINER)
    (machine.folder / "params.yaml").write_text(BOTH)
    refused = machine.call("up", "--domain", "flats", "--consumers", "1")
    (machine.folder / "params.yaml").unlink()
    assert (refused.returncode, refused.stderr.count("\n")) == (78, 1)
    assert "flats/trainer cannot start: domain 'flats': cannot load" in refused.stderr
    left = read_running_system(machine.home)
    assert left is not None
    # gateway and console start again for the domains that run
    again = {"gateway": None, "console": None}
    assert {**left.processes, **again} == {**system.processes, **again}


def test_what_a_killed_system_leaves_behind_confuses_no_command(
    machine: Installation, system: RunningSystem, here: Here
) -> None:
    os.kill(system.pid, signal.SIGKILL)
    wait_until(lambda: not system.supervisor.is_running, message="it is dead")
    assert {"run.json", "control.sock"} <= {path.name for path in machine.home.iterdir()}
    restart = here("restart", "trainer")
    assert restart.stderr == "tasador: no system is running in .tasador: start it with `tasador up`\n"
    assert machine.call("down").returncode == 0
    assert machine.pids() == []
    assert not (machine.home / "run.json").exists()
    assert machine.call("up", "--detach", "--consumers", "1").returncode == 0
    assert here("restart", "monitor").returncode == 0, "the socket left behind was replaced"


def test_down_stops_everything_and_says_what(machine: Installation, system: RunningSystem, here: Here) -> None:
    (machine.folder / "params.yaml").write_text("no_such_key: 1\n")  # it must not keep anybody from stopping
    down = machine.call("down")
    (machine.folder / "params.yaml").unlink()
    assert down.stdout == f"stopped {', '.join(system.parts)}, redis; state stays in .tasador\n"
    assert machine.pids() == []
    assert not {"run.json", "control.sock"} & {path.name for path in machine.home.iterdir()}
    again = here("down")
    assert (again.returncode, again.stderr) == (0, "no system is running in .tasador\n")


def test_a_process_that_got_the_id_of_a_killed_system_is_not_taken_for_it(tmp_path: Path) -> None:
    ours = RunningSystem(redis_url="redis://h", mlflow_uri="sqlite:///m")
    write_running_system(tmp_path, ours)
    assert read_running_system(tmp_path) == ours
    write_running_system(tmp_path, ours.model_copy(update={"started": ours.started - 1}))
    assert read_running_system(tmp_path) is None
