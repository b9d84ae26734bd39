"""Managed processes restart when they end, and do not outlive their parent."""

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

from schemas.errors import ConfigurationError, SupervisorError
from schemas.settings import Settings, load_settings
from tasador.machine.home import HomeLock, process_environment
from tasador.machine.identity import ProcessIdentity
from tasador.machine.processes import ManagedProcess
from tasador.machine.system import System
from tests.waiting import wait_until


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, prefix: str) -> Settings:
    return load_settings(home=tmp_path / "home", redis_url=SecretStr(redis_url), prefix=prefix)


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[ManagedProcess]:
    process = ManagedProcess(
        "housing",
        "consumer",
        "consumer-1",
        logs=tmp_path / "logs",
        host="127.0.0.1",
        environment=process_environment(settings),
    )
    yield process
    process.kill()


def _pid(process: ManagedProcess) -> int:
    assert process._process is not None
    return process._process.pid


def _answers(process: ManagedProcess) -> bool:
    return "started successfully" in process.log.read_text(encoding="utf-8")


def test_a_killed_process_restarts_on_its_port_after_the_backoff(process: ManagedProcess) -> None:
    process.start()
    url, pid = process.url, _pid(process)
    assert process.restart_if_due() is None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not process.is_running, message="the process has ended")
    message = str(process.restart_if_due())
    assert message.startswith("housing/consumer-1 was killed by SIGKILL")
    assert message.endswith(f"(see {process.log}); restarting in 0.5 s")
    assert wait_until(process.restart_if_due, message="it restarts") == "housing/consumer-1 restarted"
    assert (process.url, process.is_running, _pid(process) == pid) == (url, True, False)


def test_a_process_that_keeps_ending_waits_longer_each_time(process: ManagedProcess, settings: Settings) -> None:
    process._environment = process_environment(
        settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1")})
    )
    process.start()
    wait_until(lambda: not process.is_running, message="it has no Redis")
    first = process.restart_if_due()
    wait_until(process.restart_if_due, message="it restarts")
    wait_until(lambda: not process.is_running, message="it still has no Redis")
    assert ("in 0.5 s" in str(first), "in 1 s" in str(process.restart_if_due())) == (True, True)
    assert "exit code 1: tasador: Redis at redis://127.0.0.1:1 does not answer" in str(first)


def test_a_terminated_process_shuts_down_gracefully(process: ManagedProcess) -> None:
    process.start()
    wait_until(lambda: process.log.exists() and _answers(process), message="it runs")
    assert not process.is_ready, "it has no model"
    process.terminate()
    assert process.wait(time.monotonic() + 20)
    assert "shut down gracefully" in process.log.read_text(encoding="utf-8")
    assert process.restart_if_due() is None


def test_a_process_does_not_outlive_a_killed_parent(settings: Settings, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, os\n"
        "from tasador.machine.processes import ManagedProcess\n"
        "logs = pathlib.Path(sys.argv[1])\n"
        "process = ManagedProcess('housing', 'consumer', 'c', logs=logs, host='127.0.0.1', environment=os.environ)\n"
        "process.start(); print(process._process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=process_environment(settings)) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        log = tmp_path / "housing" / "c.log"
        wait_until(lambda: "started successfully" in log.read_text(encoding="utf-8"), message="the process runs")
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), message="the process has ended")


def test_a_home_folder_is_locked_by_one_process_which_the_error_names(tmp_path: Path) -> None:
    with HomeLock(tmp_path), pytest.raises(SupervisorError, match=rf"pid {os.getpid()}\)"):
        HomeLock(tmp_path)
    with HomeLock(tmp_path):
        pass


def test_a_home_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used as home folder"):
        HomeLock(tmp_path / "file")


def test_processes_get_the_addresses_of_the_system_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://not.this")
    monkeypatch.setenv("TASADOR_LOG_LEVEL", "WARNING")
    settings = load_settings(home=tmp_path, redis_url=SecretStr("redis://:secret@there/0"))
    environment = process_environment(settings.model_copy(update={"mlflow_uri": None}))
    assert {name: value for name, value in environment.items() if name.startswith("TASADOR_")} == {
        "TASADOR_HOME": str(tmp_path),
        "TASADOR_REDIS_URL": "redis://:secret@there/0",
        "TASADOR_LOG_LEVEL": "WARNING",
    }
    assert environment["HOME"] == os.environ["HOME"]


def test_one_prefix_cannot_serve_two_domains(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="TASADOR_PREFIX works for one domain"):
        System(settings, ("housing", "obesity"), 1, print)


def test_a_process_that_ends_over_its_configuration_is_not_restarted(
    process: ManagedProcess, settings: Settings
) -> None:
    process._environment = process_environment(settings) | {"TASADOR_BATCH__MAX_RECORDS": "0"}
    process.start()
    wait_until(lambda: not process.is_running, message="it cannot start")
    variable = "environment variable TASADOR_BATCH__MAX_RECORDS: Input should be greater than"
    with pytest.raises(ConfigurationError, match=f"^housing/consumer-1 cannot start: {variable}"):
        process.restart_if_due()


def test_a_process_is_recognised_by_its_start_and_not_by_its_id_alone() -> None:
    this = ProcessIdentity.of(os.getpid())
    earlier = this.model_copy(update={"started": this.started - 1})
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        ended = ProcessIdentity.of(child.pid)
        wait_until(lambda: not ended.is_running, message="it has ended, and is a zombie until somebody waits for it")
        assert psutil.pid_exists(child.pid)
    assert (this.is_running, earlier.is_running, ProcessIdentity.of(ended.pid).is_running) == (True, False, False)
