"""The audit log holds each prediction of every shard once, and listings of a shard stay until that is so."""

from __future__ import annotations

import time
from typing import Any

import pytest

from monitoring.archive.erasing import erase_subject
from monitoring.archive.reading import find_predictions, find_row, search_rows
from monitoring.archive.storage import ObjectStorage
from operations.verification.log import LogCheck
from schemas.streams import Streams
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import HOUSING, LATER_MS, ArchiveFixture
from tests.monitoring.archive.object_store import bucket, s3_url, stored
from tests.sharding import set_shards
from transport.entries import EntryId

__all__ = ["bucket", "s3_url", "stored"]


@pytest.fixture
def sharded(archive: ArchiveFixture) -> ArchiveFixture:
    """Listings of three shards, whose entry ids coincide; only their rooms tell them apart."""
    set_shards(archive.client, archive.streams, 3)
    _add(archive, 0, 6)
    return archive


def _add(log: ArchiveFixture, begin: int, end: int) -> None:
    for number in range(begin, end):
        for shard in range(3):
            log.add_prediction(number, shard=shard, name=f"l-{number}-{shard}", row=ROW | {"RM": 4.0 + shard})


def _die(*_: Any, **__: Any) -> None:
    raise InterruptedError("killed")


async def test_every_shard_s_predictions_are_logged_once_with_their_own_listing(sharded: ArchiveFixture) -> None:
    assert await sharded.archiver().lag() == 18
    progress = await sharded.archiver().run_once(LATER_MS)
    assert (progress.predictions, progress.without_features) == (18, 0)
    assert (await sharded.archiver().run_once(LATER_MS)).predictions == 0
    assert await sharded.archiver().lag() == 0
    log = sharded.read()
    assert sorted(log["listing_id"]) == sorted(f"l-{number}-{shard}" for number in range(6) for shard in range(3))
    assert log["RM"].tolist() == [4.0 + shard for shard in log["shard"]]
    assert log["predicted_at"].is_monotonic_increasing
    assert not log.duplicated(["shard", "entry_id"]).any()
    assert log.duplicated(["entry_id"]).any(), "entry ids alone coincide"


async def test_one_shard_s_position_says_nothing_about_another_s(sharded: ArchiveFixture) -> None:
    await sharded.archiver().run_once(LATER_MS)
    late = sharded.streams.of_shard(1)
    sharded.client.delete(late.predictions)
    sharded.add_prediction(7, shard=1)
    sharded.add_prediction(9, shard=2)
    assert (await sharded.archiver().run_once(LATER_MS)).predictions == 2
    spans = [file.span for file in sharded.folder.files("predictions")]
    assert {span.shard for span in spans} == {0, 1, 2}
    assert sharded.folder.position("predictions", 1) < sharded.folder.position("predictions", 2)
    assert sharded.folder.position("predictions", 7).ms == 0


async def test_listings_of_a_shard_are_released_by_its_own_low_water_mark(sharded: ArchiveFixture) -> None:
    (entry_id, _), *_ = sharded.client.xrevrange(sharded.streams.of_shard(2).listings, count=1)
    sharded.client.hset(sharded.streams.of_shard(2).progress, "low_water", entry_id)
    await sharded.archiver().run_once(LATER_MS)
    assert sharded.cursor(sharded.streams.of_shard(2).listings) == entry_id.decode()
    assert not sharded.client.exists(sharded.streams.of_shard(1).listings) or all(
        group["name"] != b"archivers" for group in sharded.client.xinfo_groups(sharded.streams.of_shard(1).listings)
    )


async def test_a_prediction_found_in_the_log_names_its_entry_with_its_shard(sharded: ArchiveFixture) -> None:
    await sharded.archiver().run_once(LATER_MS)
    found = find_predictions(sharded.folder, HOUSING, ["\nl-2-0", "\nl-2-2"])
    first, second = found["\nl-2-0"].entry, found["\nl-2-2"].entry
    assert second == f"{first}@2"


@pytest.mark.parametrize("moment", ["before the object", "after the object"])
async def test_a_crash_in_any_shard_loses_nothing_and_doubles_nothing(stored: ArchiveFixture, moment: str) -> None:
    shards = set_shards(stored.client, stored.streams, 3)
    _add(stored, 0, 3)
    for shard in range(3):
        with pytest.MonkeyPatch.context() as patch:
            if moment == "before the object":
                patch.setattr(ObjectStorage, "write", _die)
            else:
                patch.setattr(type(stored.redis), "xgroup_setid", _die)
            with pytest.raises(InterruptedError):
                await stored.archiver().run_once(LATER_MS)
        plan = stored.client.hgetall(stored.streams.archive)
        assert list(plan)[-1] == (f"predictions@{shard}" if shard else "predictions").encode(), "it died in this shard"
        # more has come, which a file of its own choice would hold too
        stored.add_prediction(3 + shard, shard=shard, name=f"l-{3 + shard}-{shard}", row=ROW | {"RM": 4.0 + shard})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("monitoring.archive.archiver.WatchedShardsAsync.read", _first_shards(shards[: shard + 1]))
            await stored.archiver().run_once(LATER_MS)
    await stored.archiver().run_once(LATER_MS)
    rows = stored.read()
    expected = [(number, shard) for shard in range(3) for number in (0, 1, 2, 3 + shard)]
    assert sorted(rows["listing_id"]) == sorted(f"l-{number}-{shard}" for number, shard in expected)
    assert rows["RM"].tolist() == [4.0 + shard for shard in rows["shard"]]
    assert LogCheck(stored.client, stored.settings).run().is_sound


def _first_shards(shards: tuple[Streams, ...]) -> Any:
    async def read(_: object) -> tuple[Streams, ...]:
        return shards

    return read


async def test_with_one_shard_names_and_plan_are_without_it(archive: ArchiveFixture) -> None:
    archive.add_prediction(0)
    await archive.archiver().run_once(LATER_MS)
    assert [file.stem.count("@") for file in archive.folder.files("predictions")] == [0]
    assert list(archive.client.hgetall(archive.streams.archive)) == [b"predictions"]


async def test_a_subject_is_erased_from_the_files_of_every_shard_and_from_what_follows(sharded: ArchiveFixture) -> None:
    for shard in range(3):
        sharded.add_prediction(6, shard=shard, name=f"mine-{shard}", subject="house-1")
    await sharded.archiver().run_once(LATER_MS)
    for shard in range(3):
        sharded.add_prediction(7, shard=shard, name=f"late-{shard}", subject="house-1")
    last = EntryId(sharded.start_ms + 7010, 0)
    assert erase_subject(sharded.folder, "house-1", last).predictions == 3
    await sharded.archiver().run_once(LATER_MS)
    assert len(sharded.read()) == 18
    report = LogCheck(sharded.client, sharded.settings).run()
    assert (report.erased, report.is_sound) == (6, True), report.problems


async def test_the_newest_prediction_is_found_though_another_shard_s_file_ends_later(archive: ArchiveFixture) -> None:
    set_shards(archive.client, archive.streams, 2)
    for number, shard, name in ((0, 1, "moved"), (1, 0, "moved"), (2, 0, "other"), (3, 1, "other")):
        archive.add_prediction(number, shard=shard, name=name)
    await archive.archiver().run_once(LATER_MS)
    assert [file.span.shard for file in archive.folder.files("predictions")] == [0, 1]
    row = find_row(archive.folder, "moved")
    assert row is not None
    assert (row["shard"], row["prediction"]) == (0, 21.0)
    assert find_predictions(archive.folder, HOUSING, ["\nmoved"])["\nmoved"].prediction == 21.0
    deadline_s = time.monotonic() + 60
    rows, is_complete = search_rows(archive.folder, "moved", 1, deadline_s)
    assert ([each["shard"] for each in rows], is_complete) == ([0], True)
    assert [each["shard"] for each in search_rows(archive.folder, "moved", 9, deadline_s, 1)[0]] == [1]
