"""Commands that operators type again and again import no package that takes long to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.models import SmallModel, small_model

__all__ = ["small_model"]

SLOW = {"mlflow", "pandas", "scipy", "sklearn", "xgboost", "matplotlib", "faststream", "sqlalchemy", "training"}
SLOW |= {"nicegui"}  # for the console alone
NONE_AT_ALL = SLOW | {"redis", "pydantic", "numpy", "rich.markdown"}
_PROGRAM = """
import json, sys
sys.argv = ["tasador", *sys.argv[1:]]
from tasador.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted({name for name in sys.modules if name.count(".") < 2})), file=sys.stderr)
"""


def _imported(environment: Mapping[str, str], *words: str) -> set[str]:
    """The modules that a command has imported."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    modules: set[str] = set(json.loads(done.stderr.splitlines()[-1]))
    return modules


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    assert _imported({}, option) & NONE_AT_ALL == set()


@pytest.mark.parametrize("words", [("registry", "versions"), ("registry", "list")])
def test_listing_versions_of_this_machine_imports_no_mlflow(small_model: SmallModel, words: tuple[str, ...]) -> None:
    assert _imported({"TASADOR_HOME": str(small_model.settings.home)}, *words) & SLOW == set()


def test_the_history_imports_no_mlflow(small_model: SmallModel, redis_url: str, prefix: str) -> None:
    environment = {"TASADOR_REDIS_URL": redis_url, "TASADOR_PREFIX": prefix}
    environment["TASADOR_HOME"] = str(small_model.settings.home)
    assert _imported(environment, "history") & SLOW == set()


def test_nothing_heavy_is_imported_to_find_that_there_is_a_champion(small_model: SmallModel, tmp_path: Path) -> None:
    environment = {"TASADOR_HOME": str(small_model.in_copy(tmp_path / "home").settings.home)}
    assert _imported(environment, "train", "--unless-champion") & (SLOW - {"training"}) == set()


@pytest.mark.parametrize("words", [("logs",), ("down",)])
def test_what_needs_no_redis_imports_no_client_of_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert _imported({"TASADOR_HOME": str(tmp_path)}, *words) & (SLOW | {"redis"}) == set()


def test_status_imports_no_model_and_no_server(redis_url: str, prefix: str) -> None:
    environment = {"TASADOR_REDIS_URL": redis_url, "TASADOR_PREFIX": prefix}
    imported = _imported(environment, "status")
    assert "redis" in imported
    assert imported & SLOW == set()
