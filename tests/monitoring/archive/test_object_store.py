"""The audit log in an object store: each row once whatever crashes, and read by every reader as from a disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import Any

import duckdb
import fsspec
import pandas as pd
import pyarrow as pa
import pytest

from explainer.finding import find_predicted_row
from monitoring.archive.erasing import erase_subject
from monitoring.archive.files import ArchiveFile
from monitoring.archive.folder import ArchiveFolder
from monitoring.archive.storage import ObjectStorage
from operations.verification.log import LogCheck
from schemas.errors import ArchiveUnavailableError, ConfigurationError, DataError
from schemas.settings import load_settings
from tasador.cli.commands.forget import forget
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import DAY_MS, HOUSING, LATER_MS, START_MS, ArchiveFixture
from tests.monitoring.archive.object_store import bucket, s3_url, stored
from tests.monitoring.archive.test_archive import RUN
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async
from training.data.labelled import read_labelled
from transport.entries import EntryId

__all__ = ["bucket", "s3_url", "stored"]

NUMBERS = 10


async def _fill(stored: ArchiveFixture) -> None:
    """Ten predictions over midnight, of which one is of house-3, and two outcomes."""
    for number in range(NUMBERS):
        stored.add_prediction(number, subject="house-3" if number == 3 else None)
    stored.add_outcome(1, 31.0)
    stored.add_outcome(3, 33.0)
    await stored.archiver().run_once(int(time.time() * 1000) + 3_600_000)


async def test_each_row_is_written_once_and_every_reader_finds_it(stored: ArchiveFixture) -> None:
    await _fill(stored)
    log = stored.read()
    assert log["listing_id"].tolist() == [f"l-{number}" for number in range(NUMBERS)]
    assert log["outcome"].notna().sum() == 2
    assert [file.day for file in stored.folder.files("predictions")] == [*["2026-11-19"] * 2, *["2026-11-20"] * 2]
    assert all(file.name.startswith("s3://") for file in stored.folder.files("predictions"))
    assert (await stored.archiver().run_once(LATER_MS)).predictions == 0
    assert len(read_labelled(stored.settings).frame) == 2
    stored.client.delete(stored.streams.predictions)
    row = find_predicted_row(stored.client, stored.settings, HOUSING, "l-4", None)
    assert row.features["RAD"] == ROW["RAD"]


async def test_pandas_and_duckdb_read_the_objects_as_they_lie(stored: ArchiveFixture) -> None:
    await _fill(stored)
    folder = f"{stored.folder.root}/predictions"
    assert len(await asyncio.to_thread(pd.read_parquet, folder)) == NUMBERS
    with duckdb.connect() as database:
        database.register_filesystem(fsspec.filesystem("s3"))
        query = f"select day, count(*), avg(RM) from '{folder}/*/*.parquet' group by day order by day"  # noqa: S608
        rows = database.execute(query).fetchall()
        database.unregister_filesystem("s3")
    assert [(str(day), count) for day, count, _ in rows] == [("2026-11-19", 5), ("2026-11-20", 5)]


async def test_verify_compares_the_objects_with_the_streams(stored: ArchiveFixture) -> None:
    await _fill(stored)
    report = LogCheck(stored.client, stored.settings).run()
    assert (report.predictions, report.outcomes, report.is_sound) == (NUMBERS, 2, True), report.problems
    assert report.folder == stored.folder.root
    file = stored.folder.files("predictions")[0]
    file.write(file.read().slice(1))
    assert LogCheck(stored.client, stored.settings).run().problem_counts == {"not logged": 1}


def _die(*_: Any, **__: Any) -> None:
    raise InterruptedError("killed")


@pytest.mark.parametrize("moment", ["before the object", "after the object"])
async def test_a_crash_around_an_object_loses_nothing_and_doubles_nothing(stored: ArchiveFixture, moment: str) -> None:
    for number in range(3):
        stored.add_prediction(number)
    with pytest.MonkeyPatch.context() as patch:
        if moment == "before the object":
            patch.setattr(ObjectStorage, "write", _die)
        else:
            patch.setattr(type(stored.redis), "xgroup_setid", _die)
        with pytest.raises(InterruptedError):
            await stored.archiver().run_once(LATER_MS)
    assert len(stored.folder.files("predictions")) == (moment == "after the object"), "it died in between"
    # more has come, which a file of its own choice would hold too
    for number in range(3, NUMBERS):
        stored.add_prediction(number)
    await stored.archiver().run_once(LATER_MS)
    assert stored.read()["listing_id"].tolist() == [f"l-{number}" for number in range(NUMBERS)]


async def test_a_monitor_that_hangs_while_another_goes_on_writes_nothing_twice(stored: ArchiveFixture) -> None:
    for number in range(3):
        stored.add_prediction(number)
    hangs, goes_on = threading.Event(), threading.Event()
    write = ObjectStorage.write

    def hang(self: ObjectStorage, name: str, content: bytes) -> None:
        if not hangs.is_set():
            hangs.set()
            assert goes_on.wait(120)
        write(self, name, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectStorage, "write", hang)
        first = asyncio.create_task(stored.archiver().run_once(LATER_MS))
        await wait_until_async(hangs.is_set)
        for number in range(3, NUMBERS):
            stored.add_prediction(number)
        await stored.archiver().run_once(LATER_MS)
        assert len(stored.read()) == NUMBERS, "the other one has written all"
        goes_on.set()
        await first
    assert stored.read()["listing_id"].tolist() == [f"l-{number}" for number in range(NUMBERS)]
    await stored.archiver().run_once(LATER_MS)
    assert LogCheck(stored.client, stored.settings).run().is_sound


async def test_a_killed_monitor_leaves_objects_that_the_next_one_completes(stored: ArchiveFixture, s3_url: str) -> None:
    for number in range(600):
        stored.add_prediction(number)
    assert stored.settings.redis_url is not None
    environment = os.environ | {
        "TASADOR_REDIS_URL": stored.settings.redis_url.get_secret_value(),
        "TASADOR_PREFIX": stored.streams.prefix,
        "TASADOR_ARCHIVE__FOLDER": str(stored.settings.archive.folder),
        "TASADOR_ARCHIVE__ROWS_PER_FILE": "20",
        "AWS_ENDPOINT_URL": s3_url,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, str(LATER_MS), env=environment)
    await wait_until_async(lambda: len(stored.folder.files("predictions")) >= 5 or process.returncode is not None)
    process.kill()
    assert await process.wait() == -signal.SIGKILL, "it was killed at work"
    assert 5 <= len(stored.folder.files("predictions")) < 30
    archive = stored.settings.archive.model_copy(update={"rows_per_file": 100})
    stored.settings = stored.settings.model_copy(update={"archive": archive})
    await stored.archiver().run_once(LATER_MS)
    assert stored.read()["listing_id"].tolist() == [f"l-{number}" for number in range(600)]


async def test_a_subject_that_is_erased_while_its_rows_are_written_is_not_in_the_log(stored: ArchiveFixture) -> None:
    for number in range(3):
        stored.add_prediction(number, subject=f"house-{number}")
    write = ArchiveFolder.write

    def write_late(self: ArchiveFolder, *arguments: Any) -> bool:
        if not self.erased_subjects():
            erase_subject(self, "house-1", EntryId(START_MS + DAY_MS, 0))
        return write(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArchiveFolder, "write", write_late)
        await stored.archiver().run_once(LATER_MS)
    assert stored.read()["subject"].tolist() == ["house-0", "house-2"]


async def test_forget_erases_from_the_objects_and_one_at_a_time(
    stored: ArchiveFixture, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    await _fill(stored)
    use_redis(monkeypatch, redis_url, stored.streams.prefix)
    monkeypatch.setenv("TASADOR_ARCHIVE__FOLDER", str(stored.settings.archive.folder))
    stored.client.set(stored.streams.archive_erasing, "1")
    with pytest.raises(DataError, match="another `tasador forget` is at work"):
        runner_of(forget).run("house-3", "--yes")
    stored.client.delete(stored.streams.archive_erasing)
    assert runner_of(forget).json("house-3", "--yes")["predictions"] == 1
    log = stored.read()
    assert (len(log), log["outcome"].notna().sum()) == (NUMBERS - 1, 1)
    assert stored.client.exists(stored.streams.archive_erasing) == 0


async def test_days_that_are_too_old_are_deleted_from_the_bucket(stored: ArchiveFixture) -> None:
    await _fill(stored)
    assert stored.folder.prune("predictions", 30, START_MS + 31 * DAY_MS) == 1
    assert set(stored.read()["listing_id"]) == {f"l-{number}" for number in range(5, NUMBERS)}


def test_a_bucket_that_does_not_exist_is_named_in_one_line(bucket: str) -> None:
    with pytest.raises(ArchiveUnavailableError, match=f"audit log {bucket}-none/log/lock.* bucket does not exist$"):
        ArchiveFile(f"{bucket}-none/log/lock").write(pa.table({"a": [1]}))


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, scheme: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError, match=f"{package} is not installed: pip install 'tasador\\[{scheme}\\]'$"):
        ObjectStorage(scheme)


@pytest.mark.parametrize("folder", ["http://logs/a", "s3://", "s3:///"])
def test_a_folder_that_is_no_place_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("TASADOR_ARCHIVE__FOLDER", folder)
    with pytest.raises(ConfigurationError, match=r"TASADOR_ARCHIVE__FOLDER: .* is neither a path nor"):
        load_settings()
