"""The script that makes passwords gives one to every role, and changes none that is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.security.roles import NODE_ROLES, ROLES

SCRIPT = Path(__file__).parents[2] / "deploy" / "passwords.sh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with the script alone."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(SCRIPT, tmp_path / "deploy")
    return tmp_path


def _run(folder: Path) -> dict[str, str]:
    """The variables of .env after a run."""
    subprocess.run(["sh", str(folder / "deploy" / SCRIPT.name)], check=True, capture_output=True)
    return dict(line.split("=", 1) for line in (folder / ".env").read_text(encoding="utf-8").splitlines())


def test_every_role_gets_a_password_of_its_own_that_only_the_owner_can_read(folder: Path) -> None:
    variables = _run(folder)
    assert list(variables) == [f"REDIS_{role.upper()}_PASSWORD" for role in (*ROLES, *NODE_ROLES)]
    assert len({password for password in variables.values() if len(password) == 48}) == len(variables)
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert _run(folder) == variables


def test_roles_that_are_new_get_one_and_every_other_line_stays(folder: Path) -> None:
    (folder / ".env").write_text("PREFIXES={housing}\nREDIS_CLIENT_PASSWORD=mine", encoding="utf-8")
    variables = _run(folder)
    assert (variables["PREFIXES"], variables["REDIS_CLIENT_PASSWORD"]) == ("{housing}", "mine")
    assert len(variables) == 1 + len(ROLES) + len(NODE_ROLES)
    assert sorted(path.name for path in folder.iterdir()) == [".env", "deploy"]
