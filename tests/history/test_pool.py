"""Tasks of a process that is killed run again, and each gives one result."""

from __future__ import annotations

from pathlib import Path

import pytest

from history.pool import run_here, run_in_processes, run_on_dask
from schemas.errors import ConfigurationError, DataError
from tests.history.tasks import Square, always_die, square

SQUARES = [number**2 for number in range(6)]


def test_results_come_in_order_in_this_process() -> None:
    assert list(run_here(square, [Square(number) for number in range(6)])) == SQUARES


def test_the_tasks_of_a_killed_process_run_again_and_each_gives_one_result(tmp_path: Path) -> None:
    marker = tmp_path / "died"
    tasks = [Square(number, marker if number == 3 else None) for number in range(6)]
    assert sorted(run_in_processes(square, tasks, 2)) == SQUARES
    assert marker.exists(), "a process died"


def test_processes_that_always_die_are_given_up() -> None:
    with pytest.raises(DataError, match="died 3 times in a row, with 1 tasks left"):
        list(run_in_processes(always_die, [Square(1)], 1))


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs Dask")
    monkeypatch.setattr("history.pool._CONNECT_S", 0.2)
    with pytest.raises(ConfigurationError, match="which does not answer"):
        list(run_on_dask(square, [Square(1)], "tcp://127.0.0.1:9"))


def test_the_workers_of_a_cluster_give_the_same_results() -> None:
    distributed = pytest.importorskip("distributed", reason="needs Dask")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=50
    ) as cluster:
        assert (
            sorted(run_on_dask(square, [Square(number) for number in range(6)], cluster.scheduler_address)) == SQUARES
        )
