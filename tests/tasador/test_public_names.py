"""What clients import."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tasador
from schemas.events import Prediction


@pytest.mark.parametrize("name", tasador.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(tasador, name)


def test_public_names_are_those_of_the_packages() -> None:
    assert tasador.Prediction is Prediction


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = tasador.nothing


def test_importing_the_package_imports_no_other() -> None:
    script = "import sys, tasador; sys.exit(bool({'redis', 'pydantic', 'producer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert tasador.__version__ == project["project"]["version"]
