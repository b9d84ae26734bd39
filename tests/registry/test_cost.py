"""The cost of a row is a ratio, which the machine's load hardly changes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from registry import cost
from registry.booster import Score
from registry.cost import REFERENCE_US, us_per_row
from schemas.rows import Matrix
from tests.waiting import wait_until


@pytest.fixture
def busy_cores() -> Iterator[None]:
    """More busy processes than there are cores."""
    command = [sys.executable, "-c", "while True: sum(range(100_000))"]
    processes = [subprocess.Popen(command) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        for process in processes:
            wait_until(lambda pid=process.pid: psutil.Process(pid).cpu_times().user > 0.1, message="it computes")  # type: ignore[misc]
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
def reference() -> tuple[Score, Matrix]:
    """The reference model and its batch."""
    return cost._reference()


def _thrice(score: Score) -> Score:
    return lambda matrix: score(matrix) + score(matrix) + score(matrix)


@pytest.mark.usefixtures("busy_cores")
def test_a_model_costs_the_same_on_busy_cores(reference: tuple[Score, Matrix]) -> None:
    score, rows = reference
    assert REFERENCE_US / 1.6 < us_per_row(score, rows) < REFERENCE_US * 1.6
    assert 3 * REFERENCE_US / 1.6 < us_per_row(_thrice(score), rows) < 3 * REFERENCE_US * 1.6
