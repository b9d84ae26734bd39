"""The audit log: complete, without doubles after crashes, read back with pandas and DuckDB."""

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

from monitoring.archive.reading import find_predictions
from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import DAY_MS, HOUSING, LATER_MS, START_MS, ArchiveFixture
from tests.waiting import wait_until_async


async def test_each_prediction_is_logged_once_with_what_it_was_made_of(desk: ArchiveFixture) -> None:
    for number in range(10):
        desk.answer(number, row=ROW | ({"AGE": None} if number == 3 else {}))
    progress = await desk.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (10, 0)
    log = desk.log()
    assert log["listing_id"].tolist() == [f"l-{number}" for number in range(10)]
    assert log["prediction"].tolist() == [20.0 + number for number in range(10)]
    assert set(log["model_version"]) == {"7"}
    assert log["RM"].tolist() == [ROW["RM"]] * 10
    assert log["AGE"].isna().tolist() == [number == 3 for number in range(10)]
    days = [path.parent.name for path in desk.folder.files("predictions")]
    assert days == ["day=2026-11-19", "day=2026-11-19", "day=2026-11-20", "day=2026-11-20"]
    assert (await desk.archiver().run_once(LATER_MS)).predictions == 0


async def test_what_is_young_waits_for_others_to_fill_a_file(desk: ArchiveFixture) -> None:
    desk.answer(0)
    now_ms = START_MS + 30_000
    assert (await desk.archiver().run_once(now_ms)).predictions == 0
    assert await desk.archiver().lag() == 1
    for number in (1, 2, 3):
        desk.answer(number)
    assert (await desk.archiver().run_once(now_ms)).predictions == 4
    assert await desk.archiver().lag() == 0


@pytest.mark.parametrize("moment", ["before the file", "after the file"])
async def test_a_crash_around_a_file_loses_nothing_and_doubles_nothing(
    desk: ArchiveFixture, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    for number in range(10):
        desk.answer(number)
    if moment == "before the file":
        monkeypatch.setattr(Path, "replace", _die)
    else:
        monkeypatch.setattr(type(desk.redis), "xgroup_setid", _die)
    with pytest.raises(InterruptedError):
        await desk.archiver().run_once(LATER_MS)
    assert len(desk.folder.files("predictions")) == (moment == "after the file"), "it died in between"
    monkeypatch.undo()
    await desk.archiver().run_once(LATER_MS)
    assert desk.log()["entry_id"].is_unique
    assert len(desk.log()) == 10


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
    desk: ArchiveFixture, tmp_path: Path
) -> None:
    for number in range(600):
        desk.answer(number)
    environment = os.environ | {
        "TASADOR_HOME": str(tmp_path),
        "TASADOR_REDIS_URL": desk.settings.redis_url.get_secret_value() if desk.settings.redis_url else "",
        "TASADOR_PREFIX": desk.streams.prefix,
        "TASADOR_ARCHIVE__ROWS_PER_FILE": "20",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, str(LATER_MS), env=environment)
    await wait_until_async(lambda: len(desk.folder.files("predictions")) >= 5 or process.returncode is not None)
    process.kill()
    assert await process.wait() == -signal.SIGKILL, "it was killed at work"
    assert len(desk.folder.files("predictions")) < 30
    archive = desk.settings.archive.model_copy(update={"rows_per_file": 20})
    desk.settings = desk.settings.model_copy(update={"archive": archive})
    await desk.archiver().run_once(LATER_MS)
    log = desk.log()
    assert log["listing_id"].tolist() == [f"l-{number}" for number in range(600)]


async def test_a_listing_that_was_trimmed_is_logged_without_features_and_counted(desk: ArchiveFixture) -> None:
    for number in range(4):
        desk.answer(number)
    desk.client.xtrim(desk.streams.listings, maxlen=2, approximate=False)
    progress = await desk.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (4, 2)
    assert desk.log()["has_features"].tolist() == [False, False, True, True]


async def test_listings_are_let_go_when_all_that_was_answered_before_is_logged(desk: ArchiveFixture) -> None:
    for number in range(4):
        desk.answer(number)
    low = f"{START_MS + 3000}-0"
    desk.client.hset(desk.streams.progress, "low_water", low)
    await desk.archiver().run_once(LATER_MS)
    assert desk.cursor(desk.streams.listings) == low
    assert desk.cursor(desk.streams.predictions) == f"{START_MS + 3010}-0"


async def test_the_last_outcome_stands_beside_the_prediction(desk: ArchiveFixture) -> None:
    for number in range(3):
        desk.answer(number)
    for price in (30.0, 24.5):
        desk.sell(1, price)
    desk.client.xadd(desk.streams.outcomes, {"data": "{"})
    now_ms = int(desk.client.time()[0]) * 1000 + 3_600_000
    assert (await desk.archiver().run_once(now_ms)).outcomes == 2
    outcomes = desk.log().set_index("listing_id")["outcome"]
    assert outcomes["l-1"] == 24.5
    assert outcomes.drop("l-1").isna().all()


async def test_pandas_and_duckdb_read_the_files_as_they_lie(desk: ArchiveFixture) -> None:
    for number in range(10):
        desk.answer(number)
    await desk.archiver().run_once(LATER_MS)
    folder = desk.folder.root / "predictions"
    assert len(pd.read_parquet(folder)) == 10
    query = f"select day, count(*), avg(RM) from '{folder}/*/*.parquet' group by day order by day"  # noqa: S608
    rows = duckdb.connect().execute(query).fetchall()
    assert [(str(day), count) for day, count, _ in rows] == [("2026-11-19", 5), ("2026-11-20", 5)]


async def test_a_prediction_is_found_by_its_listing(desk: ArchiveFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.archive.reading.KEPT_DAYS", 36_500)
    for number in range(10):
        desk.answer(number)
    await desk.archiver().run_once(LATER_MS)
    found = find_predictions(desk.folder, HOUSING, ["\nl-2", "\nl-9", "\nnone", "/other\nl-3"])
    assert set(found) == {"\nl-2", "\nl-9"}
    known = found["\nl-2"]
    assert (known.entry, known.at_ms, known.prediction, known.version) == (
        f"{START_MS + 2000}-0",
        START_MS + 2010,
        22.0,
        "7",
    )
    assert known.row is not None
    assert known.row["RAD"] == ROW["RAD"]


async def test_an_outcome_ten_days_late_finds_its_prediction_in_the_log(desk: ArchiveFixture) -> None:
    now = int(desk.client.time()[0]) * 1000
    desk.start_ms = now - 10 * DAY_MS
    desk.answer(1)
    archiver = desk.archiver()
    await archiver.run_once(now)
    desk.client.delete(desk.streams.predictions, desk.streams.listings)
    desk.sell(1, 24.0)
    metrics = QualityMetrics(CollectorRegistry())
    watch = QualityReporter(desk.redis, HOUSING, desk.settings, "m1", "tasador/housing", archiver.find_older, metrics)
    await watch.work()
    report = await watch.report()
    assert (report.waiting, report.quality("7d").labelled, report.quality("30d").labelled) == (0, 0, 1)
    assert (report.quality("30d").mae, report.quality("30d", "RAD 1").labelled) == (3.0, 1)
