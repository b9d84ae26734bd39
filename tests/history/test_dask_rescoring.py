"""A worker of a Dask cluster that is killed at work leaves complete and correct files."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from benchmarks.rescoring.made_up_log import write_log
from history.rescoring import rescore
from tests.models import SmallModel, small_model

__all__ = ["small_model"]

pytestmark = [pytest.mark.rounds, pytest.mark.long]

ROWS, PER_FILE = 120_000, 3_000
FILES = ROWS // PER_FILE
KILLED_AT = 4
"""Files that are done when the worker is killed."""


def _rows(out: Path) -> list[tuple[Any, ...]]:
    query = f"select entry_id, rescored from '{out}/*/*.parquet' order by listing_id"  # noqa: S608
    with duckdb.connect() as database:
        return database.execute(query).fetchall()


def test_a_worker_of_dask_that_is_killed_at_work_leaves_complete_and_correct_files(
    small_model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs Dask")
    model = small_model.in_copy(tmp_path / "home")
    assert write_log(model.settings, ROWS, PER_FILE) == FILES
    rescore(model.settings, "1", tmp_path / "here")
    monkeypatch.setattr("history.rescoring.FROM_ROWS", ROWS)
    killed = list[psutil.Process]()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:

        def kill(done: int, total: int) -> None:
            if done == KILLED_AT:
                assert total == FILES
                address, state = max(cluster.scheduler.workers.items(), key=lambda each: len(each[1].processing))
                assert state.processing, "the worker has work"
                (nanny,) = [each for each in cluster.workers.values() if each.worker_address == address]
                killed.append(psutil.Process(nanny.pid))
                os.kill(nanny.pid, signal.SIGKILL)

        settings = model.settings.model_copy(update={"dask": cluster.scheduler_address})
        report = rescore(settings, "1", tmp_path / "dask", on_file=kill)
    (worker,) = killed
    assert not worker.is_running(), "the worker is dead"
    assert (report.files, report.rows) == (FILES, ROWS)
    # the killed worker may have written a file and not have told anyone
    assert report.kept <= 1
    found = _rows(tmp_path / "dask")
    assert len(found) == len({entry for entry, _ in found}) == ROWS
    assert found == _rows(tmp_path / "here")
    assert sorted(path.suffix for path in (tmp_path / "dask").iterdir() if path.is_file()) == [".json"]
    assert not list((tmp_path / "dask").rglob(".*.part"))
