"""Past predictions scored again: equal to the stream's to the bit, once for each file, and resumed where it stopped."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import redis

from history.rescoring import RescoreReport, rescore
from monitoring.archive.archiver import Archiver
from monitoring.archive.location import archive_of
from schemas.errors import DataError, ModelNotFoundError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.commands.rescore import rescore as rescore_command
from tests.consumer.harness import ROW, activate, event, publish, running
from tests.explainer.harness import settings_of
from tests.models import SmallModel, small_model
from tests.monitoring.archive.object_store import bucket, s3_url
from tests.tasador.command import runner_of
from tests.waiting import wait_until_async
from transport.clock import now_ms_async
from transport.connection import connect_async
from transport.entries import EntryId

__all__ = ["bucket", "s3_url", "small_model"]

LISTINGS = 90
ROWS_PER_FILE = 30
FLUSHED_MS = 3_600_000
"""Time after which predictions do not wait for a file to fill."""


@pytest.fixture
async def log(
    redis_client: redis.Redis, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> Settings:
    """Settings of a domain whose audit log has three files, of predictions by a consumer."""
    settings = settings_of(small_model, streams.prefix, tmp_path, archive={"rows_per_file": ROWS_PER_FILE})
    activate(redis_client, streams, small_model)
    rows = [{**ROW, "RM": 5 + number / 40, "LSTAT": None if number % 7 == 0 else 4.98} for number in range(LISTINGS)]
    publish(redis_client, streams, [event(f"l-{number}", row) for number, row in enumerate(rows)])
    async with running(redis_url, settings, is_following=True):
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == LISTINGS)
    async with connect_async(redis_url) as client:
        archiver = Archiver(client, settings, settings.load_domain(), archive_of(settings))
        await archiver.run_once(await now_ms_async(client) + FLUSHED_MS)
    assert len(archive_of(settings).files("predictions")) == LISTINGS // ROWS_PER_FILE
    return settings


def _read(out: Path) -> pd.DataFrame:
    with duckdb.connect() as database:
        rows: pd.DataFrame = (
            database.read_parquet(f"{out}/day=*/*.parquet").order("entry_id").to_arrow_table().to_pandas()
        )
    return rows


def _files(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.glob("day=*/*.parquet")}


async def test_the_version_that_answered_gives_its_answers_again_to_the_bit(log: Settings, tmp_path: Path) -> None:
    report = rescore(log, "1", tmp_path / "out")
    assert report == RescoreReport(
        version="1", files=3, kept=0, rows=LISTINGS, left_out=0, folder=str(tmp_path / "out")
    )
    rescored = _read(tmp_path / "out")
    assert sorted(rescored["listing_id"]) == sorted(f"l-{number}" for number in range(LISTINGS))
    assert rescored["rescored"].tolist() == rescored["prediction"].tolist()
    assert rescored["rescored"].nunique() > 3
    assert set(rescored["rescored_version"]) == set(rescored["model_version"]) == {"1"}


async def test_a_file_is_scored_once_and_again_if_its_source_has_changed(log: Settings, tmp_path: Path) -> None:
    out, done = tmp_path / "out", list[tuple[int, int]]()
    rescore(log, "1", out, on_file=lambda count, total: done.append((count, total)))
    assert done == [(1, 3), (2, 3), (3, 3)]
    before = _files(out)
    # as if it had been stopped: one file is missing, and another half written
    first, second, _ = sorted(before)
    first.unlink()
    second.with_suffix(".part").write_bytes(b"half")
    # as `tasador forget` does
    source = archive_of(log).files("predictions")[-1]
    source.write(source.read().slice(1))
    report = rescore(log, "1", out)
    assert (report.files, report.kept, report.rows) == (3, 1, LISTINGS - 1)
    assert _files(out)[second] == before[second]
    assert len(_read(out)) == LISTINGS - 1


async def test_processes_give_the_same_files(log: Settings, tmp_path: Path) -> None:
    rescore(log, "1", tmp_path / "here")
    rescore(log, "1", tmp_path / "there", workers=1)
    pd.testing.assert_frame_equal(_read(tmp_path / "here"), _read(tmp_path / "there"))


async def test_a_log_in_an_object_store_gives_the_same_files_and_is_scored_once(
    log: Settings, tmp_path: Path, bucket: str
) -> None:
    there = log.model_copy(update={"archive": log.archive.model_copy(update={"folder": bucket})})
    for file in archive_of(log).files("predictions"):
        archive_of(there).write("predictions", file.read(), file.span)
    rescore(log, "1", tmp_path / "here")
    assert rescore(there, "1", tmp_path / "there").rows == LISTINGS
    pd.testing.assert_frame_equal(_read(tmp_path / "here"), _read(tmp_path / "there"))
    assert rescore(there, "1", tmp_path / "there").kept == LISTINGS // ROWS_PER_FILE


async def test_few_rows_stay_in_the_process_beside_a_cluster(log: Settings, tmp_path: Path) -> None:
    # nothing listens there
    settings = log.model_copy(update={"dask": "tcp://127.0.0.1:9"})
    assert rescore(settings, "1", tmp_path / "out").rows == LISTINGS


async def test_a_range_takes_the_predictions_of_that_time_only(log: Settings, tmp_path: Path) -> None:
    rescore(log, "1", tmp_path / "all")
    at_ms = sorted({int(moment.timestamp() * 1000) for moment in _read(tmp_path / "all")["predicted_at"]})
    report = rescore(log, "1", tmp_path / "first", until=EntryId(at_ms[0], 0))
    assert (1 <= report.files <= 3, report.rows) == (True, report.files * ROWS_PER_FILE)
    with pytest.raises(DataError, match="no predictions of that time"):
        rescore(log, "1", tmp_path / "none", since=EntryId(at_ms[-1] + 1, 0))


async def test_predictions_without_features_are_counted_and_left_out(log: Settings, tmp_path: Path) -> None:
    source = archive_of(log).files("predictions")[0]
    table = source.read()
    has_features = pa.array([False] * 5 + [True] * (len(table) - 5))
    source.write(table.set_column(table.column_names.index("has_features"), "has_features", has_features))
    report = rescore(log, "1", tmp_path / "out")
    assert (report.rows, report.left_out) == (LISTINGS - 5, 5)


async def test_a_folder_of_other_results_and_an_unknown_version_are_refused(log: Settings, tmp_path: Path) -> None:
    rescore(log, "1", tmp_path / "out")
    manifest = tmp_path / "out/rescored.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"1"', '"2"'), encoding="utf-8")
    with pytest.raises(DataError, match="results of housing version 2: choose another --out"):
        rescore(log, "1", tmp_path / "out")
    with pytest.raises(ModelNotFoundError):
        rescore(log, "9", tmp_path / "other")
    shutil.rmtree(archive_of(log).root)
    with pytest.raises(DataError, match="no predictions"):
        rescore(log, "1", tmp_path / "empty")


async def test_the_command_reports_what_it_did(log: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"HOME": log.home, "MLFLOW_URI": log.mlflow_uri, "PREFIX": log.prefix}
    for name, value in variables.items():
        monkeypatch.setenv(f"TASADOR_{name}", str(value))
    words = ["--version", "1", "--from", "1h", "--out", str(tmp_path / "out")]
    assert runner_of(rescore_command).json(*words)["rows"] == LISTINGS
    assert f"{LISTINGS} predictions in 3 files scored by version 1" in runner_of(rescore_command).text(*words)
