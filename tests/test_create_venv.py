"""scripts/create-venv.sh chooses a Python, also where those on the PATH are unsuitable, broken or missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("awk", "bash", "cat", "cp", "env", "mkdir", "mktemp", "rm", "sed", "sh", "tail")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The only folder on the PATH: common tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path is not None
        (folder / tool).symlink_to(path)
    return folder


def _create_script(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def _create_python(file: Path, version: str, pip: str = "exit 1") -> Path:
    """A fake Python with a version, a venv module, and these lines as its pip."""
    venv = f'mkdir -p "$4" && echo {version} >"$4/version"'
    return _create_script(file, f'case "$2" in pip) {pip} ;; venv) {venv} ;; *) echo {version} ;; esac')


def _create(folder: Path, *named: str) -> subprocess.CompletedProcess[str]:
    root = folder.parent / "checkout"
    if not root.exists():
        (root / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "requirements.lock", root)
        for script in ("create-venv.sh", "locked.sh"):
            shutil.copy(ROOT / "scripts" / script, root / "scripts")
    environment = {"PATH": str(folder), "HOME": str(folder.parent), "TMPDIR": str(folder.parent)}
    command = ["scripts/create-venv.sh", ".venv", *named]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=200)


def _python_of(folder: Path) -> str:
    return (folder.parent / "checkout" / ".venv" / "version").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"python3.13": "3.13", "python3.12": "3.12", "python3.11": "3.11"}, "3.12"),
        ({"python3.13": "3.13", "python3.11": "3.11"}, "3.11"),
        ({"python3.13": "3.13", "python3": "3.12"}, "3.12"),
        ({"python3.13": "3.13", "python3": "3.10"}, "3.13"),
        ({"python3": "3.13"}, "3.13"),
    ],
)
def test_python_3_12_is_preferred_then_3_11_then_3_13(folder: Path, installed: dict[str, str], expected: str) -> None:
    for name, version in installed.items():
        _create_python(folder / name, version)
    outcome = _create(folder)
    assert (outcome.returncode, outcome.stderr, _python_of(folder)) == (0, "", expected)


def test_a_python_that_does_not_run_is_skipped(folder: Path) -> None:
    _create_script(folder / "python3.12", "echo 'command not found' >&2; exit 127")
    _create_python(folder / "python3.11", "3.11")
    assert _create(folder).returncode == 0
    assert _python_of(folder) == "3.11"


def test_a_named_python_is_used_or_refused(folder: Path) -> None:
    _create_python(folder / "python3.12", "3.12")
    named = _create_python(folder.parent / "a folder" / "python", "3.13")
    assert _create(folder, str(named)).returncode == 0
    assert _python_of(folder) == "3.13"
    old = _create_python(folder.parent / "old", "3.10")
    outcome = _create(folder, str(old))
    assert outcome.returncode == 1
    assert outcome.stderr == f"PYTHON={old} is 3.10, but Tasador requires Python 3.12, 3.11 or 3.13\n"


def test_without_python_and_pip_the_error_is_one_line(folder: Path) -> None:
    outcome = _create(folder)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("No Python 3.12, 3.11 or 3.13 on the PATH (no python3 on the PATH), and no pip ")
    assert outcome.stderr.count("\n") == 1
    assert "apt-get install python3-venv" in outcome.stderr


def test_uv_finds_a_python_if_none_is_on_the_path(folder: Path) -> None:
    python = _create_python(folder.parent / "managed" / "python3.12", "3.12")
    _create_python(folder / "python3", "3.10")
    _create_script(folder / "uv", f'case "$*" in *find*) echo {python} ;; esac')
    outcome = _create(folder)
    assert (outcome.returncode, _python_of(folder)) == (0, "3.12")
    assert f"({folder}/python3 is 3.10): uv finds or downloads one" in outcome.stdout


def test_a_failed_download_names_its_cause_and_leaves_no_files(folder: Path) -> None:
    failure = "error: Failed to install\\n  cause: Request failed\\n  cause: no network\\n"
    uv = _create_script(folder.parent / "uv", f'[ "$1" = --version ] || {{ printf "{failure}" >&2; exit 2; }}')
    _create_python(folder / "python3", "3.10", pip=f"mkdir -p .uv/bin && cp {uv} .uv/bin")
    outcome = _create(folder)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("No Python could be downloaded: no network. Install Python 3.12 (")
    assert outcome.stderr.count("\n") == 1
    assert sorted(left.name for left in (folder.parent / "checkout").iterdir()) == ["requirements.lock", "scripts"]


def test_a_pip_that_cannot_install_uv_is_an_error_of_one_line(folder: Path) -> None:
    _create_python(folder / "python3", "3.9", pip='[ "$3" = --version ] || { echo "ERROR: no index" >&2; exit 1; }')
    outcome = _create(folder)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("No Python could be downloaded: no index. Install Python 3.12 (")
    assert not (folder.parent / "checkout" / ".uv").exists()
