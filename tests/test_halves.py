""".ci/halves fails if a test ran in neither half."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "halves"
SUITE = """
import pytest

def test_runs_anywhere(): pass

@pytest.mark.xfail(strict=True)
def test_fails_as_expected(): assert 0

def test_needs_an_engine():
    if {engine} < 1: pytest.skip("needs an engine: start one")

def test_needs_both():
    if {engine} < 2: pytest.skip("needs two engines: start another")
"""


def _report(folder: Path, engines: int) -> Path:
    """pytest's report of a small suite with this number of engines."""
    suite = folder / "test_small.py"
    suite.write_text(SUITE.format(engine=engines), encoding="utf-8")
    report = folder / f"{engines}.xml"
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--junit-xml={report}"]
    environment = os.environ | {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(suite)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return report


def _compare(first: Path, second: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), "--first", str(first), "--second", str(second), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("reports")
    return [_report(folder, engines) for engines in (0, 1, 2)]


def test_tests_that_ran_in_either_half_are_counted(reports: list[Path]) -> None:
    code, output = _compare(reports[0], reports[2])
    assert code == 0
    assert output.splitlines() == [
        "without an engine: 2 tests ran, 2 were skipped",
        "with an engine:    4 tests ran, 0 were skipped",
        "every test that the first half skipped ran in the second",
    ]


def test_a_test_that_ran_in_neither_half_fails_the_run(reports: list[Path]) -> None:
    code, output = _compare(reports[0], reports[1])
    assert code == 1
    assert output.splitlines()[-1].startswith("RAN IN NEITHER HALF: test_small::test_needs_both: needs two engines")


def test_excused_tests_are_listed_but_do_not_fail_the_run(reports: list[Path]) -> None:
    code, output = _compare(reports[0], reports[1], "--without", "needs two engines")
    assert code == 0
    assert output.splitlines()[-1].startswith("excused: test_small::test_needs_both")
