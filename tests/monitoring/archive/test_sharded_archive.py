"""The audit log holds each prediction of every shard once, and listings of a shard stay until that is so."""

from __future__ import annotations

import pytest

from monitoring.archive.reading import find_predictions
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import HOUSING, LATER_MS, ArchiveFixture
from tests.sharding import set_shards


@pytest.fixture
def sharded(archive: ArchiveFixture) -> ArchiveFixture:
    """Listings of three shards, whose entry ids coincide; only their rooms tell them apart."""
    set_shards(archive.client, archive.streams, 3)
    for number in range(6):
        for shard in range(3):
            archive.add_prediction(number, shard=shard, name=f"l-{number}-{shard}", row=ROW | {"RM": 4.0 + shard})
    return archive


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
