"""The audit log: complete, without doubles after crashes, read back with pandas and DuckDB, waited for, erased."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
import redis
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitoring.archive.archiver import Archiver
from monitoring.archive.erasing import Erased, erase_subject
from monitoring.archive.folder import ArchiveFolder
from monitoring.archive.place import archive_of
from monitoring.archive.reading import find_predictions, read_archive
from monitoring.archive.rows import ArchiveRows
from monitoring.monitor.quality import QualityWatch
from monitoring.monitor.quality_metrics import QualityMetrics
from schemas.decoding import DecodedListing
from schemas.domain import Domain, domain_of, load_domain
from schemas.encoding import AnswerEncoder, Stamp
from schemas.errors import DomainError
from schemas.events import Outcome, OutcomeData
from schemas.features import Features, Number, Target, feature
from schemas.settings import Settings, load_settings
from schemas.streams import ARCHIVERS, Streams
from tasador.commands.forget import forget
from tests.consumer.harness import ROW
from tests.listings import listing
from tests.tasador.command import command_of, point_at
from tests.waiting import wait_until_async
from transport.connection import connect_async
from transport.entries import EntryId

HOUSING = load_domain("housing")
DAY_MS = 86_400_000
START_MS = 1_795_132_800_000 - 5_000
"""Five seconds before midnight, UTC."""
LATER_MS = START_MS + 3_600_000


class Desk:
    """Answered listings and outcomes on the streams, and the log that is made of them."""

    def __init__(self, client: redis.Redis, streams: Streams, settings: Settings) -> None:
        self.client: Any = client
        self.streams = streams
        self.settings = settings
        self.folder: ArchiveFolder = archive_of(settings)
        self.rows = ArchiveRows(HOUSING, settings.limits)
        self._encoder = AnswerEncoder(HOUSING, 100)
        assert settings.redis_url is not None
        self.redis = connect_async(settings.redis_url.get_secret_value())

    def archiver(self) -> Archiver:
        return Archiver(self.redis, self.settings, HOUSING, self.folder)

    def answer(self, number: int, *, subject: str | None = None, row: dict[str, Any] = ROW) -> None:
        """A listing and its prediction, a second after the one before."""
        entry, made = f"{START_MS + number * 1000}-0", f"{START_MS + number * 1000 + 10}-0"
        self.client.xadd(self.streams.listings, {"data": listing(row, f"l-{number}")}, id=entry)
        decoded = DecodedListing(id=f"l-{number}", data=None, subject=subject)
        event = self._encoder.predictions(
            [entry], "2026-11-20T12:00:00Z", [decoded], [20.0 + number], Stamp("7", "1-0")
        )[0]
        self.client.xadd(self.streams.predictions, {"data": event}, id=made)

    def sell(self, number: int, price: float) -> None:
        data = OutcomeData(listing_id=f"l-{number}", outcome=price)
        self.client.xadd(self.streams.outcomes, {"data": Outcome(id="o", data=data).model_dump_json()})

    def log(self) -> pd.DataFrame:
        return read_archive(self.folder, self.rows)

    def cursor(self, key: str) -> str:
        (group,) = [group for group in self.client.xinfo_groups(key) if group["name"] == ARCHIVERS.encode()]
        return str(group["last-delivered-id"].decode())


@pytest.fixture
async def desk(redis_client: redis.Redis, streams: Streams, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = load_settings(prefix=streams.prefix, redis_url=SecretStr(redis_url), home=tmp_path)
    archive = settings.archive.model_copy(update={"rows_per_file": 4})
    desk = Desk(redis_client, streams, settings.model_copy(update={"archive": archive}))
    yield desk
    await desk.redis.aclose()


async def test_each_prediction_is_logged_once_with_what_it_was_made_of(desk: Desk) -> None:
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


async def test_what_is_young_waits_for_others_to_fill_a_file(desk: Desk) -> None:
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
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str
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
from monitoring.archive.place import archive_of
from schemas.settings import load_settings
from transport.connection import connect_async

settings = load_settings()
async def main():
    client = connect_async(settings.redis_url.get_secret_value())
    await Archiver(client, settings, settings.load_domain(), archive_of(settings)).run_once(int(sys.argv[1]))
asyncio.run(main())
"""


async def test_a_log_that_is_killed_at_work_is_complete_and_without_doubles(desk: Desk, tmp_path: Path) -> None:
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


async def test_a_listing_that_was_trimmed_is_logged_without_features_and_counted(desk: Desk) -> None:
    for number in range(4):
        desk.answer(number)
    desk.client.xtrim(desk.streams.listings, maxlen=2, approximate=False)
    progress = await desk.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (4, 2)
    assert desk.log()["has_features"].tolist() == [False, False, True, True]


async def test_listings_are_let_go_when_all_that_was_answered_before_is_logged(desk: Desk) -> None:
    for number in range(4):
        desk.answer(number)
    low = f"{START_MS + 3000}-0"
    desk.client.hset(desk.streams.progress, "low_water", low)
    await desk.archiver().run_once(LATER_MS)
    assert desk.cursor(desk.streams.listings) == low
    assert desk.cursor(desk.streams.predictions) == f"{START_MS + 3010}-0"


async def test_the_last_outcome_stands_beside_the_prediction(desk: Desk) -> None:
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


async def test_pandas_and_duckdb_read_the_files_as_they_lie(desk: Desk) -> None:
    for number in range(10):
        desk.answer(number)
    await desk.archiver().run_once(LATER_MS)
    folder = desk.folder.root / "predictions"
    assert len(pd.read_parquet(folder)) == 10
    query = f"select day, count(*), avg(RM) from '{folder}/*/*.parquet' group by day order by day"  # noqa: S608
    rows = duckdb.connect().execute(query).fetchall()
    assert [(str(day), count) for day, count, _ in rows] == [("2026-11-19", 5), ("2026-11-20", 5)]


async def test_a_prediction_is_found_by_its_listing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_an_outcome_ten_days_late_finds_its_prediction_in_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(desk.client.time()[0]) * 1000
    monkeypatch.setitem(globals(), "START_MS", now - 10 * DAY_MS)
    desk.answer(1)
    archiver = desk.archiver()
    await archiver.run_once(now)
    desk.client.delete(desk.streams.predictions, desk.streams.listings)
    desk.sell(1, 24.0)
    metrics = QualityMetrics(CollectorRegistry())
    watch = QualityWatch(desk.redis, HOUSING, desk.settings, "m1", "tasador/housing", archiver.find_older, metrics)
    await watch.work()
    report = await watch.report()
    assert (report.waiting, report.quality("7d").labelled, report.quality("30d").labelled) == (0, 0, 1)
    assert (report.quality("30d").mae, report.quality("30d", "RAD 1").labelled) == (3.0, 1)


async def test_days_that_are_too_old_are_dropped(desk: Desk) -> None:
    for number in range(10):
        desk.answer(number)
    desk.settings = desk.settings.model_copy(
        update={"archive": desk.settings.archive.model_copy(update={"keep_days": 30})}
    )
    await desk.archiver().run_once(LATER_MS)
    await desk.archiver().run_once(START_MS + 31 * DAY_MS)
    assert set(desk.log()["listing_id"]) == {f"l-{number}" for number in range(5, 10)}
    await desk.archiver().run_once(START_MS + 40 * DAY_MS)
    assert len(desk.log()) == 0
    assert (await desk.archiver().run_once(LATER_MS)).predictions == 0, "the group remembers how far the log went"


async def test_a_forgotten_subject_is_gone_with_its_outcomes_and_does_not_come_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, redis_url: str, tmp_path: Path
) -> None:
    for number in range(8):
        desk.answer(number, subject="p-1" if number % 2 else "p-2")
        desk.sell(number, 20.0)
    now_ms = int(desk.client.time()[0]) * 1000 + 3_600_000
    await desk.archiver().run_once(now_ms)
    desk.answer(9, subject="p-1")
    point_at(monkeypatch, redis_url, desk.streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    told = command_of(forget).json("p-1", "--yes")
    assert told == {"subject": "p-1", "predictions": 4, "outcomes": 4, "files": told["files"]}
    await desk.archiver().run_once(now_ms)
    assert set(desk.log()["subject"]) == {"p-2"}
    outcomes = [row for path in desk.folder.files("outcomes") for row in pq.read_table(path).to_pylist()]
    assert {row["listing_id"] for row in outcomes} == {"l-0", "l-2", "l-4", "l-6"}
    assert b"p-1" not in b"".join(path.read_bytes() for path in desk.folder.root.rglob("*") if path.is_file())
    desk.answer(11, subject="p-1")
    await desk.archiver().run_once(now_ms)
    assert set(desk.log()["subject"]) == {"p-1", "p-2"}, "what comes later is another matter"
    assert erase_subject(desk.folder, "p-3", EntryId(0, 0)) == Erased(0, 0, 0)


def test_a_feature_may_not_be_named_as_a_column_of_the_log() -> None:
    class Odd(Features):
        name = "odd"
        target = Target("y")
        subject: Number = feature(ge=0, le=1, unit="", description="clashes")

    odd: Domain = domain_of(Odd)
    with pytest.raises(DomainError, match="columns of its own named subject"):
        ArchiveRows(odd, load_settings().limits)
