"""A training on the workers of a real Dask cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from registry.fingerprint import fingerprint_of
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from tests.training.learning.tables import table_of_numbers
from training.learning.selection import Selection, select
from training.progress import discard_progress

if TYPE_CHECKING:
    from distributed import LocalCluster

distributed = pytest.importorskip("distributed", reason="needs Dask")
TABLE = table_of_numbers(150)

pytestmark = pytest.mark.rounds


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as started:
        yield started


def settings(dask: str | None = None) -> Settings:
    loaded = load_settings(domain="housing")
    training = loaded.training.model_copy(update={"seconds": 1.0, "folds": 3})
    return loaded.model_copy(update={"training": training, "dask": dask})


def fingerprint(selection: Selection) -> str:
    rows: pd.DataFrame = TABLE.frame.head(20)
    return fingerprint_of(selection.pipeline, np.asarray(selection.pipeline.predict(rows)))


@pytest.fixture(scope="module")
def on_threads() -> str:
    return fingerprint(select(TABLE, settings(), discard_progress))


def test_a_training_on_dask_gives_the_same_model_to_the_bit(cluster: LocalCluster, on_threads: str) -> None:
    selection = select(TABLE, settings(cluster.scheduler_address), discard_progress)
    assert isinstance(selection.pipeline, Pipeline)
    assert fingerprint(selection) == on_threads


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_worker_that_is_killed_costs_its_units_again_and_no_result(cluster: LocalCluster, on_threads: str) -> None:
    before = {worker.pid for worker in cluster.workers.values()}
    killed: list[int] = []

    def kill_once(message: str) -> None:
        if "growing" in message and not killed:
            killed.append(next(iter(before)))
            os.kill(killed[0], signal.SIGKILL)

    selection = select(TABLE, settings(cluster.scheduler_address), kill_once)
    assert killed
    assert {worker.pid for worker in cluster.workers.values()} != before
    assert fingerprint(selection) == on_threads


def test_a_cluster_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.learning.engine.START_SECONDS", 0.5)
    with pytest.raises(ConfigurationError, match=r"TASADOR_DASK is tcp://127\.0\.0\.1:9, which does not answer"):
        select(TABLE, settings("tcp://127.0.0.1:9"), discard_progress)
