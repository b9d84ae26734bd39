"""Completion in bash, zsh and fish: commands, options, domains, processes, streams and versions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasador.machine.running_system import RunningSystem, write_running_system
from tests.models import SmallModel, small_model
from tests.tasador.typed_here import type_here

__all__ = ["small_model"]

SCRIPTS = str(Path(sys.executable).parent)


Complete = Callable[..., list[str]]


@pytest.fixture
def completed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Complete:
    """What bash is offered for the last of some words."""

    def complete(*words: str, home: Path | None = None, mlflow: str = "") -> list[str]:
        asked = {"_TASADOR_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        addresses = {"TASADOR_HOME": str(home) if home else "", "TASADOR_MLFLOW_URI": mlflow}
        done = type_here(tmp_path, asked | {name: value for name, value in addresses.items() if value}, capfd)
        assert done.stderr == ""
        return done.stdout.split()

    return complete


def test_commands_subcommands_and_options_are_offered(completed: Complete) -> None:
    assert completed("tasador", "re") == ["restart", "rescore", "registry", "retrain", "reload"]
    assert completed("tasador", "dead-letters", "e") == ["edit", "export"]
    assert completed("tasador", "publish", "--str") == ["--strict"]


def test_streams_are_offered(completed: Complete) -> None:
    assert completed("tasador", "tail", "re") == ["repeats"]


def test_domains_are_those_of_params_yaml_and_the_built_in_ones(tmp_path: Path, completed: Complete) -> None:
    (tmp_path / "params.yaml").write_text("domains: {boats: {path: 'boats:Boats'}}\n")
    for words in (("status", "--domain"), ("--domain",), ("up", "--domain")):
        assert completed("tasador", *words, "") == ["boats", "housing", "obesity"]
    (tmp_path / "params.yaml").write_text("no_such_key: 1\n")
    assert completed("tasador", "status", "--domain", "") == ["housing", "obesity"]


def test_processes_are_those_that_run_and_logs_those_that_exist(tmp_path: Path, completed: Complete) -> None:
    assert completed("tasador", "restart", "", home=tmp_path) == []
    parts = {"housing/trainer": "http://h:1", "housing/monitor": "http://h:2"}
    write_running_system(tmp_path, RunningSystem(redis_url="redis://h", mlflow_uri="sqlite:///m", parts=parts))
    assert completed("tasador", "restart", "housing/t", home=tmp_path) == ["housing/trainer"]
    (tmp_path / "logs/housing").mkdir(parents=True)
    (tmp_path / "logs/housing/monitor.log").touch()
    (tmp_path / "logs/up.log").touch()
    assert completed("tasador", "logs", "", home=tmp_path) == ["housing/monitor", "up"]


def test_versions_are_those_of_this_machine(small_model: SmallModel, completed: Complete) -> None:
    for words in (("reload", "--version"), ("registry", "show"), ("registry", "compare", "1")):
        assert completed("tasador", *words, "", home=small_model.settings.home) == ["1"]
    assert completed("tasador", "registry", "show", "", mlflow="http://127.0.0.1:1") == []


def test_the_script_completes_in_bash() -> None:
    script = (
        'eval "$(tasador --show-completion)"; COMP_WORDS=(tasador tail rep); COMP_CWORD=2; '
        '_tasador_completion tasador; echo "${COMPREPLY[@]}"'
    )
    environment = os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("repeats\n", "")


@pytest.mark.parametrize(
    ("shell", "registers"), [("zsh", "compdef _tasador_completion tasador"), ("fish", "complete --command tasador")]
)
def test_the_script_for_another_shell_registers_the_program(shell: str, registers: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tasador", "--show-completion", shell],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert registers in done.stdout
