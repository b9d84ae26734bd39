"""The audit log beside the streams: equal as it was written, and every tampering is named."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from monitoring.archive.erasing import erase_subject
from monitoring.archive.files import ArchiveFile
from monitoring.archive.folder import ArchiveKind
from operations.verification.log import LogCheck
from operations.verification.log_report import LogReport
from schemas.errors import DataError
from tests.monitoring.archive.archive_fixture import ArchiveFixture
from tests.monitoring.archive.conftest import archive
from tests.sharding import set_shards
from transport.entries import EntryId

__all__ = ["archive"]

NUMBERS = 10


@pytest.fixture
async def log(archive: ArchiveFixture) -> ArchiveFixture:
    """Ten predictions in files of four, over midnight, and two outcomes."""
    for number in range(NUMBERS):
        archive.add_prediction(number, subject="house-3" if number == 3 else None)
    archive.add_outcome(1, 31.0)
    archive.add_outcome(2, 32.0)
    # outcomes get their ids from Redis's clock, and the archiver does not write a file of recent ones yet
    await archive.archiver().run_once(int(time.time() * 1000) + 3_600_000)
    return archive


def _check(log: ArchiveFixture) -> LogReport:
    return LogCheck(log.client, log.settings).run()


async def test_a_log_as_it_was_written_is_sound(log: ArchiveFixture) -> None:
    log.add_prediction(NUMBERS)
    report = _check(log)
    assert (report.predictions, report.outcomes, report.erased, report.unlogged) == (NUMBERS, 2, 0, 1)
    assert report.is_sound, report.problems


async def test_trimmed_entries_are_not_missed(log: ArchiveFixture) -> None:
    log.client.xtrim(log.streams.predictions, maxlen=3, approximate=False)
    report = _check(log)
    assert (report.predictions, report.is_sound) == (3, True), report.problems


async def test_an_erased_subject_is_no_problem(log: ArchiveFixture) -> None:
    erase_subject(log.folder, "house-3", EntryId(log.start_ms + 60_000, 0))
    report = _check(log)
    assert (report.erased, report.is_sound) == (1, True), report.problems


def _drop(table: pa.Table) -> pa.Table:
    return table.slice(1)


def _double(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def _change(table: pa.Table) -> pa.Table:
    name = "prediction" if "prediction" in table.column_names else "outcome"
    values = table[name].to_pylist()
    return table.set_column(table.column_names.index(name), name, pa.array([values[0] + 1, *values[1:]]))


@pytest.mark.parametrize("kind", ["predictions", "outcomes"])
@pytest.mark.parametrize(
    ("tamper", "problem"), [(_drop, "not logged"), (_double, "logged twice"), (_change, "logged differently")]
)
async def test_tampering_is_named(
    log: ArchiveFixture, kind: ArchiveKind, tamper: Callable[[pa.Table], pa.Table], problem: str
) -> None:
    file = log.folder.files(kind)[0]
    file.write(tamper(file.read()))
    report = _check(log)
    assert report.problem_counts == {problem: 1}
    assert not report.is_sound


def _delete(file: ArchiveFile) -> None:
    Path(file.name).unlink()


async def test_a_missing_file_and_a_row_without_an_entry_are_named(log: ArchiveFixture) -> None:
    files = log.folder.files("predictions")
    rows = files[1].count_rows()
    _delete(files[1])
    (entry,) = log.client.xrevrange(log.streams.predictions, count=1)
    log.client.xdel(log.streams.predictions, entry[0])
    assert _check(log).problem_counts == {"not logged": rows, "only logged": 1}


async def test_an_empty_log_is_refused(archive: ArchiveFixture, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the audit log is empty"):
        _check(archive)


async def test_the_log_of_every_shard_is_compared_with_its_own_stream(archive: ArchiveFixture) -> None:
    set_shards(archive.client, archive.streams, 3)
    for number in range(NUMBERS):
        for shard in range(3):
            archive.add_prediction(number, shard=shard, name=f"l-{number}-{shard}")
    await archive.archiver().run_once(int(time.time() * 1000) + 3_600_000)
    archive.add_prediction(NUMBERS, shard=2)
    report = _check(archive)
    assert (report.predictions, report.unlogged, report.is_sound) == (3 * NUMBERS, 1, True), report.problems
    file = next(each for each in archive.folder.files("predictions") if each.span.shard == 1)
    file.write(_drop(file.read()))
    problems = _check(archive).problems
    assert [problem.kind for problem in problems] == ["not logged"]
    assert str(problems[0].entry).endswith("@1")
