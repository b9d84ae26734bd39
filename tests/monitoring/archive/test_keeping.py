"""How long the audit log keeps, and what it must forget."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from monitoring.archive.erasing import Erased, erase_subject
from monitoring.archive.rows import ArchiveRows
from schemas.domain import Domain, domain_of
from schemas.errors import DomainError
from schemas.features import Features, Number, Target, feature
from schemas.settings import load_settings
from tasador.cli.commands.forget import forget
from tests.monitoring.archive.archive_fixture import DAY_MS, LATER_MS, START_MS, ArchiveFixture
from tests.tasador.command import command_of, point_at
from transport.entries import EntryId


async def test_days_that_are_too_old_are_dropped(desk: ArchiveFixture) -> None:
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
    desk: ArchiveFixture, monkeypatch: pytest.MonkeyPatch, redis_url: str, tmp_path: Path
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
