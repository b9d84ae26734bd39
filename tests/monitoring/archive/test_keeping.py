"""The audit log deletes old days and erased subjects."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.archive.erasing import ErasureResult, erase_subject
from monitoring.archive.rows import ArchiveRows
from schemas.domain import Domain, domain_of
from schemas.errors import DomainError
from schemas.features import Features, Number, Target, feature
from schemas.settings import load_settings
from tasador.cli.commands.forget import forget
from tests.monitoring.archive.archive_fixture import DAY_MS, LATER_MS, START_MS, ArchiveFixture
from tests.tasador.command import runner_of, use_redis
from transport.entries import EntryId


async def test_days_that_are_too_old_are_deleted(archive: ArchiveFixture) -> None:
    for number in range(10):
        archive.add_prediction(number)
    archive.settings = archive.settings.model_copy(
        update={"archive": archive.settings.archive.model_copy(update={"keep_days": 30})}
    )
    await archive.archiver().run_once(LATER_MS)
    await archive.archiver().run_once(START_MS + 31 * DAY_MS)
    assert set(archive.read()["listing_id"]) == {f"l-{number}" for number in range(5, 10)}
    await archive.archiver().run_once(START_MS + 40 * DAY_MS)
    assert len(archive.read()) == 0
    assert (await archive.archiver().run_once(LATER_MS)).predictions == 0, "the group remembers how far the log went"


def _files(archive: ArchiveFixture) -> list[Path]:
    return [path for path in Path(archive.folder.root).rglob("*") if path.is_file()]


async def test_an_erased_subject_is_gone_with_its_outcomes_and_does_not_come_back(
    archive: ArchiveFixture, monkeypatch: pytest.MonkeyPatch, redis_url: str, tmp_path: Path
) -> None:
    for number in range(8):
        archive.add_prediction(number, subject="p-1" if number % 2 else "p-2")
        archive.add_outcome(number, 20.0)
    now_ms = int(archive.client.time()[0]) * 1000 + 3_600_000
    await archive.archiver().run_once(now_ms)
    archive.add_prediction(9, subject="p-1")
    use_redis(monkeypatch, redis_url, archive.streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    for subject in ("p-1", "p-2"):
        archive.client.hset(archive.streams.features(subject), mapping={"RM": 6, "at": "2026-11-28T12:00:00Z"})
    result = runner_of(forget).json("p-1", "--yes")
    assert [archive.client.exists(archive.streams.features(subject)) for subject in ("p-1", "p-2")] == [0, 1]
    assert result == {"subject": "p-1", "stored": 1, "predictions": 4, "outcomes": 4, "files": result["files"]}
    await archive.archiver().run_once(now_ms)
    assert set(archive.read()["subject"]) == {"p-2"}
    outcomes = [row for file in archive.folder.files("outcomes") for row in file.read().to_pylist()]
    assert {row["listing_id"] for row in outcomes} == {"l-0", "l-2", "l-4", "l-6"}
    assert b"p-1" not in b"".join(path.read_bytes() for path in _files(archive))
    archive.add_prediction(11, subject="p-1")
    await archive.archiver().run_once(now_ms)
    assert set(archive.read()["subject"]) == {"p-1", "p-2"}, "later predictions are logged again"
    assert erase_subject(archive.folder, "p-3", EntryId(0, 0)) == ErasureResult(0, 0, 0)


def test_a_feature_may_not_have_the_name_of_a_column_of_the_log() -> None:
    class Odd(Features):
        name = "odd"
        target = Target("y")
        subject: Number = feature(ge=0, le=1, unit="", description="clashes")

    odd: Domain = domain_of(Odd)
    with pytest.raises(DomainError, match="reserves the column names subject"):
        ArchiveRows(odd, load_settings().limits)
