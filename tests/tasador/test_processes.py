"""Parts as processes: started again when they die, and gone when whoever started them is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from tasador.machine.home import HomeLock, environment_of
from tasador.machine.processes import ManagedProcess
from tasador.machine.system import System
from tests.waiting import wait_until


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, prefix: str) -> Settings:
    return load_settings(home=tmp_path / "home", redis_url=SecretStr(redis_url), prefix=prefix)


@pytest.fixture
def part(settings: Settings, tmp_path: Path) -> Iterator[ManagedProcess]:
    made = ManagedProcess(
        "housing",
        "consumer",
        "consumer-1",
        logs=tmp_path / "logs",
        host="127.0.0.1",
        environment=environment_of(settings),
    )
    yield made
    made.kill()


def _pid(part: ManagedProcess) -> int:
    assert part._process is not None
    return part._process.pid


def _answers(part: ManagedProcess) -> bool:
    return "started successfully" in part.log.read_text(encoding="utf-8")


def test_a_part_that_was_killed_starts_again_on_its_port_after_a_while(part: ManagedProcess) -> None:
    part.start()
    url, pid = part.url, _pid(part)
    assert part.revive() is None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not part.is_running, message="the part has died")
    told = str(part.revive())
    assert told.startswith("housing/consumer-1 was killed by SIGKILL")
    assert told.endswith(f"(see {part.log}); starts again in 0.5 s")
    assert wait_until(part.revive, message="it starts again") == "housing/consumer-1 starts again"
    assert (part.url, part.is_running, _pid(part) == pid) == (url, True, False)


def test_a_part_that_keeps_dying_waits_longer_each_time(part: ManagedProcess, settings: Settings) -> None:
    part._environment = environment_of(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1")}))
    part.start()
    wait_until(lambda: not part.is_running, message="it has no Redis")
    first = part.revive()
    wait_until(part.revive, message="it starts again")
    wait_until(lambda: not part.is_running, message="it still has none")
    assert ("in 0.5 s" in str(first), "in 1 s" in str(part.revive())) == (True, True)
    assert "exit code 1: tasador: Redis at redis://127.0.0.1:1 does not answer" in str(first)


def test_a_part_that_is_asked_to_stop_leaves_in_good_order(part: ManagedProcess) -> None:
    part.start()
    wait_until(lambda: part.log.exists() and _answers(part), message="it runs")
    assert not part.is_ready, "it has no model"
    part.ask_to_stop()
    assert part.wait(time.monotonic() + 20)
    assert "shut down gracefully" in part.log.read_text(encoding="utf-8")
    assert part.revive() is None


def test_a_part_does_not_outlive_a_killed_parent(settings: Settings, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, os\n"
        "from tasador.machine.processes import ManagedProcess\n"
        "logs = pathlib.Path(sys.argv[1])\n"
        "part = ManagedProcess('housing', 'consumer', 'c', logs=logs, host='127.0.0.1', environment=os.environ)\n"
        "part.start(); print(part._process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment_of(settings)) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        log = tmp_path / "housing" / "c.log"
        wait_until(lambda: "started successfully" in log.read_text(encoding="utf-8"), message="the part runs")
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), message="the part has ended")


def test_a_home_is_run_by_one_process_and_the_line_names_it(tmp_path: Path) -> None:
    with HomeLock(tmp_path), pytest.raises(ConfigurationError, match=rf"pid {os.getpid()}\)"):
        HomeLock(tmp_path)
    with HomeLock(tmp_path):
        pass


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used as home folder"):
        HomeLock(tmp_path / "file")


def test_parts_are_told_what_the_system_settled_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://not.this")
    monkeypatch.setenv("TASADOR_LOG_LEVEL", "WARNING")
    settings = load_settings(home=tmp_path, redis_url=SecretStr("redis://:secret@there/0"))
    told = environment_of(settings.model_copy(update={"mlflow_uri": None}))
    assert {name: value for name, value in told.items() if name.startswith("TASADOR_")} == {
        "TASADOR_HOME": str(tmp_path),
        "TASADOR_REDIS_URL": "redis://:secret@there/0",
        "TASADOR_LOG_LEVEL": "WARNING",
    }
    assert told["HOME"] == os.environ["HOME"]


def test_one_prefix_cannot_serve_two_domains(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="TASADOR_PREFIX serves one domain"):
        System(settings, ("housing", "obesity"), 1, print)
