"""A training on the workers of a real Dask cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from registry.fingerprint import fingerprint_of
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from tests.training.learning.tables import table_of_numbers
from tests.waiting import wait_until
from training.learning.encoded_table import EncodedTable, encode_table
from training.learning.engine import DaskEngine, open_engine
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


@dataclass(frozen=True)
class CountRows:
    """A unit of work: its number for each row of the table."""

    number: int

    def run(self, table: EncodedTable) -> int:
        return self.number * len(table)


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


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_the_only_copy_of_the_table_may_be_lost_with_its_worker(cluster: LocalCluster) -> None:
    table, done = encode_table(TABLE), list[int]()
    units = [CountRows(number) for number in range(6)]
    with open_engine(table, dask=cluster.scheduler_address) as engine:
        assert isinstance(engine, DaskEngine)
        client, sent = engine._client, engine._sent
        assert engine.run(units, done.append) == [150 * number for number in range(6)]

        def holders() -> tuple[str, ...]:
            return tuple(client.who_has(sent).get(sent.key, ()))

        # Dask does so by itself within some seconds
        client.amm.run_once()
        (holder,) = wait_until(lambda: held if len(held := holders()) == 1 else ())
        os.kill(client.run(os.getpid)[holder], signal.SIGKILL)
        wait_until(sent.cancelled, message="the table is lost")
        assert engine.run(units, done.append) == [150 * number for number in range(6)]
    assert sorted(done) == sorted([*range(6)] * 2)


def test_a_cluster_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.learning.engine.START_SECONDS", 0.5)
    with pytest.raises(ConfigurationError, match=r"TASADOR_DASK is tcp://127\.0\.0\.1:9, which does not answer"):
        select(TABLE, settings("tcp://127.0.0.1:9"), discard_progress)
