"""The command line: every command exists, help is fast, errors are one line."""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tasador.cli.commands
from tasador.cli import app as cli
from tasador.cli.names import check_name, default_name


def _tasador(*arguments: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tasador", *arguments]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, check=False)


def test_every_command_module_is_in_the_table() -> None:
    folder = Path(next(iter(tasador.cli.commands.__path__)))
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"--init--"}
    assert modules == set(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    answer = CliRunner().invoke(cli.app, [name, "--help"])
    assert answer.exit_code == 0
    group = getattr(importlib.import_module(f"tasador.cli.commands.{name.replace('-', '_')}"), "app", None)
    if group is None:
        assert f"Example: tasador {name}" in answer.output
        # bench measures one domain, settings lists those of all domains, and a schema is the same for all
        assert ("--domain" in answer.output) == (name not in {"bench", "settings", "schema"})
        return
    for inner in group.registered_commands:
        inner_name = inner.name or inner.callback.__name__.replace("_", "-")
        assert (
            f"Example: tasador {name} {inner_name}" in CliRunner().invoke(cli.app, [name, inner_name, "--help"]).output
        )


def test_domain_is_accepted_before_the_command(tmp_path: Path) -> None:
    done = _tasador("--domain", "boats", "registry", "show", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "no domain 'boats'" in done.stderr


def test_help_lists_every_command_without_cutting_its_text() -> None:
    output = CliRunner().invoke(cli.app, ["--help"]).output
    assert all(line in output for line in cli.COMMANDS.values())


def test_a_configuration_error_is_one_line_on_standard_error_and_exit_code_78(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("no_such_key: 1\n")
    done = _tasador("status", cwd=tmp_path)
    assert done.returncode == 78
    assert done.stdout == ""
    assert done.stderr == "tasador: params.yaml: no_such_key: there is no such setting\n"


def test_a_usage_error_is_exit_code_2(tmp_path: Path) -> None:
    done = _tasador("consumer", "--port", "70000", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_redis_the_error_says_how_to_start_a_system(tmp_path: Path) -> None:
    done = _tasador("consumer", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "TASADOR_REDIS_URL" in done.stderr
    assert "tasador up" in done.stderr


def test_a_port_in_use_is_a_failure_and_no_mistake_in_the_configuration(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _tasador("consumer", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert (done.returncode, "is in use: choose another" in done.stderr) == (1, True)


def test_a_closed_pipe_is_not_an_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m tasador --help | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.startswith("Usage"), done.stderr) == (True, "")


@pytest.mark.parametrize("name", ["a b", "", "x" * 101, "a/b"])
def test_a_name_that_cannot_be_part_of_an_event_source_is_refused(name: str) -> None:
    answer = CliRunner().invoke(cli.app, ["consumer", "--name", name])
    assert answer.exit_code == 2
    assert "--name" in answer.output


def test_default_names_are_unique_also_where_the_system_picks_the_port() -> None:
    assert default_name(8001) == default_name(8001)
    assert default_name(0) != default_name(0)
    assert check_name(default_name(0)) is not None
