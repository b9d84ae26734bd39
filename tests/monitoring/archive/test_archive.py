"""The audit log is complete and without duplicates after crashes, and pandas and DuckDB can read it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from prometheus_client import CollectorRegistry

from monitoring.archive.reading import find_predictions, find_row, ranges_of
from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter
from schemas.stamp import Stamp
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import DAY_MS, HOUSING, LATER_MS, START_MS, ArchiveFixture
from tests.waiting import wait_until_async


async def test_each_prediction_is_logged_once_with_its_features_and_model(archive: ArchiveFixture) -> None:
    for number in range(10):
        archive.add_prediction(number, row=ROW | ({"AGE": None} if number == 3 else {}))
    progress = await archive.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (10, 0)
    log = archive.read()
    assert log["listing_id"].tolist() == [f"l-{number}" for number in range(10)]
    assert log["prediction"].tolist() == [20.0 + number for number in range(10)]
    assert set(log["model_version"]) == {"7"}
    assert log["RM"].tolist() == [ROW["RM"]] * 10
    assert log["AGE"].isna().tolist() == [number == 3 for number in range(10)]
    days = [file.day for file in archive.folder.files("predictions")]
    assert days == ["2026-11-19", "2026-11-19", "2026-11-20", "2026-11-20"]
    assert (await archive.archiver().run_once(LATER_MS)).predictions == 0


async def test_log_names_rollout_arm_and_fallback(archive: ArchiveFixture) -> None:
    archive.add_prediction(0)
    archive.add_prediction(1, stamp=Stamp("8", "9-0", "9-0", "challenger"))
    archive.add_prediction(2, stamp=Stamp("7", "1-0", "9-0", "challenger", fallback=True))
    await archive.archiver().run_once(LATER_MS)
    log = archive.read()
    assert log["model_rollout"].tolist()[1:] == ["9-0", "9-0"]
    assert log["model_arm"].tolist()[1:] == ["challenger", "challenger"]
    assert log["model_rollout"].isna().tolist() == [True, False, False]
    assert log["model_fallback"].tolist() == [False, False, True]


async def test_young_predictions_wait_until_they_fill_a_file(archive: ArchiveFixture) -> None:
    archive.add_prediction(0)
    now_ms = START_MS + 30_000
    assert (await archive.archiver().run_once(now_ms)).predictions == 0
    assert await archive.archiver().lag() == 1
    for number in (1, 2, 3):
        archive.add_prediction(number)
    assert (await archive.archiver().run_once(now_ms)).predictions == 4
    assert await archive.archiver().lag() == 0


@pytest.mark.parametrize("moment", ["before the file", "after the file"])
async def test_a_crash_around_a_file_loses_nothing_and_doubles_nothing(
    archive: ArchiveFixture, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    for number in range(10):
        archive.add_prediction(number)
    if moment == "before the file":
        monkeypatch.setattr(Path, "replace", _die)
    else:
        monkeypatch.setattr(type(archive.redis), "xgroup_setid", _die)
    with pytest.raises(InterruptedError):
        await archive.archiver().run_once(LATER_MS)
    assert len(archive.folder.files("predictions")) == (moment == "after the file"), "it died in between"
    monkeypatch.undo()
    await archive.archiver().run_once(LATER_MS)
    assert archive.read()["entry_id"].is_unique
    assert len(archive.read()) == 10


async def test_intervals_are_in_the_log_and_are_found_again(archive: ArchiveFixture) -> None:
    archive.add_prediction(3)
    await archive.archiver().run_once(LATER_MS)
    row = archive.read().iloc[0]
    assert (row["interval_low"], row["interval_high"], row["interval_coverage"]) == (22.0, 25.0, 0.9)
    assert row["candidates"] is None
    found = await archive.archiver().find_older(["\nl-3"])
    assert (found["\nl-3"].held, found["\nl-3"].promised) == ([22.0, 25.0], 0.9)
    event = find_row(archive.folder, "l-3")
    assert event is not None
    assert ranges_of(event) == {"interval": [22.0, 25.0], "coverage": 0.9}


def _die(*_: Any, **__: Any) -> None:
    raise InterruptedError("killed")


RUN = """
import asyncio, sys
from pathlib import Path
from monitoring.archive.archiver import Archiver
from monitoring.archive.location import archive_of
from schemas.settings import load_settings
from transport.connection import connect_async

settings = load_settings()
async def main():
    client = connect_async(settings.redis_url.get_secret_value())
    await Archiver(client, settings, settings.load_domain(), archive_of(settings)).run_once(int(sys.argv[1]))
asyncio.run(main())
"""


async def test_a_log_that_is_killed_at_work_is_complete_and_without_doubles(
    archive: ArchiveFixture, tmp_path: Path
) -> None:
    for number in range(600):
        archive.add_prediction(number)
    environment = os.environ | {
        "TASADOR_HOME": str(tmp_path),
        "TASADOR_REDIS_URL": archive.settings.redis_url.get_secret_value() if archive.settings.redis_url else "",
        "TASADOR_PREFIX": archive.streams.prefix,
        "TASADOR_ARCHIVE__ROWS_PER_FILE": "20",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, str(LATER_MS), env=environment)
    await wait_until_async(lambda: len(archive.folder.files("predictions")) >= 5 or process.returncode is not None)
    process.kill()
    assert await process.wait() == -signal.SIGKILL, "it was killed at process_outcomes"
    assert len(archive.folder.files("predictions")) < 30
    small_files = archive.settings.archive.model_copy(update={"rows_per_file": 20})
    archive.settings = archive.settings.model_copy(update={"archive": small_files})
    await archive.archiver().run_once(LATER_MS)
    log = archive.read()
    assert log["listing_id"].tolist() == [f"l-{number}" for number in range(600)]


async def test_a_listing_that_was_trimmed_is_logged_without_features_and_counted(archive: ArchiveFixture) -> None:
    for number in range(4):
        archive.add_prediction(number)
    archive.client.xtrim(archive.streams.listings, maxlen=2, approximate=False)
    progress = await archive.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (4, 2)
    assert archive.read()["has_features"].tolist() == [False, False, True, True]


async def test_the_cursor_on_listings_moves_once_their_predictions_are_logged(archive: ArchiveFixture) -> None:
    for number in range(4):
        archive.add_prediction(number)
    low_water = f"{START_MS + 3000}-0"
    archive.client.hset(archive.streams.progress, "low_water", low_water)
    await archive.archiver().run_once(LATER_MS)
    assert archive.cursor(archive.streams.listings) == low_water
    assert archive.cursor(archive.streams.predictions) == f"{START_MS + 3010}-0"


async def test_the_last_outcome_is_joined_with_the_prediction(archive: ArchiveFixture) -> None:
    for number in range(3):
        archive.add_prediction(number)
    for price in (30.0, 24.5):
        archive.add_outcome(1, price)
    archive.client.xadd(archive.streams.outcomes, {"data": "{"})
    now_ms = int(archive.client.time()[0]) * 1000 + 3_600_000
    assert (await archive.archiver().run_once(now_ms)).outcomes == 2
    outcomes = archive.read().set_index("listing_id")["outcome"]
    assert outcomes["l-1"] == 24.5
    assert outcomes.drop("l-1").isna().all()


async def test_pandas_and_duckdb_read_the_files(archive: ArchiveFixture) -> None:
    for number in range(10):
        archive.add_prediction(number)
    await archive.archiver().run_once(LATER_MS)
    folder = Path(archive.folder.root) / "predictions"
    assert len(pd.read_parquet(folder)) == 10
    query = f"select day, count(*), avg(RM) from '{folder}/*/*.parquet' group by day order by day"  # noqa: S608
    rows = duckdb.connect().execute(query).fetchall()
    assert [(str(day), count) for day, count, _ in rows] == [("2026-11-19", 5), ("2026-11-20", 5)]


async def test_a_prediction_is_found_by_its_listing(archive: ArchiveFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.archive.reading.KEPT_DAYS", 36_500)
    for number in range(10):
        archive.add_prediction(number)
    await archive.archiver().run_once(LATER_MS)
    predictions = find_predictions(archive.folder, HOUSING, ["\nl-2", "\nl-9", "\nnone", "/other\nl-3"])
    assert set(predictions) == {"\nl-2", "\nl-9"}
    first = predictions["\nl-2"]
    assert (first.entry, first.at_ms) == (f"{START_MS + 2000}-0", START_MS + 2010)
    assert (first.prediction, first.version) == (22.0, "7")
    assert first.features is not None
    assert first.features["RAD"] == ROW["RAD"]


async def test_an_outcome_ten_days_late_finds_its_prediction_in_the_log(archive: ArchiveFixture) -> None:
    now_ms = int(archive.client.time()[0]) * 1000
    archive.start_ms = now_ms - 10 * DAY_MS
    archive.add_prediction(1)
    archiver = archive.archiver()
    await archiver.run_once(now_ms)
    archive.client.delete(archive.streams.predictions, archive.streams.listings)
    archive.add_outcome(1, 24.0)
    metrics = QualityMetrics(CollectorRegistry())
    reporter = QualityReporter(
        archive.redis, HOUSING, archive.settings, "m1", "tasador/housing", archiver.find_older, metrics
    )
    await reporter.process_outcomes()
    report = await reporter.report()
    assert (report.waiting, report.quality("7d").labelled, report.quality("30d").labelled) == (0, 0, 1)
    assert (report.quality("30d").mae, report.quality("30d", "RAD 1").labelled) == (3.0, 1)
