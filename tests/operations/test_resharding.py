"""The number of shards changes under load: nothing is lost, nothing is doubled, repeats are recognised, order stays."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import SecretStr

from operations.identities import IdentityMover
from operations.resharding import Resharding
from operations.verification.checker import Checker
from operations.verify import published, verify
from schemas.errors import ShardError
from schemas.settings import Settings, load_settings
from schemas.shards import ShardLayout, entry_name, shard_of
from schemas.states import DesiredModel
from schemas.streams import Streams
from tests.consumer.harness import HOUSING, Client, event, publish, running, settings_for
from tests.subject_load import SubjectLoad
from tests.waiting import wait_until_async
from transport.connection import connect
from transport.shards import read_layout


@pytest.fixture
def settings(redis_url: str, prefix: str) -> Settings:
    return load_settings(redis_url=SecretStr(redis_url), prefix=prefix)


def resharding(client: Client, streams: Streams, timeout_s: float = 30) -> Resharding:
    return Resharding(client, streams, "housing", kept_s=300, timeout_s=timeout_s)


@pytest.mark.rounds
async def test_shards_change_under_load(
    redis_url: str, redis_client: Client, streams: Streams, settings: Settings
) -> None:
    redis_client.hset(
        streams.model,
        mapping=DesiredModel(activation="1-0", version="1", digest="", uri="").model_dump(exclude_none=True),
    )
    quick = settings_for(streams.prefix, batch={"max_records": 50, "block_ms": 50})
    async with running(redis_url, quick, "a"), running(redis_url, quick, "b"):
        with SubjectLoad(settings) as load:
            for count in (3, 2, 4):
                begin = len(load.entries)
                await wait_until_async(lambda b=begin: len(load.entries) > b + 600)  # type: ignore[misc]
                done = await asyncio.to_thread(resharding(redis_client, streams).set, count)
                assert done.after.count == count
                assert done.identities > 0
            last = len(load.entries)
            await wait_until_async(lambda: len(load.entries) > last + 600)
        await wait_until_async(lambda: verify(redis_client, streams, load.entries).is_kept)
    layout = read_layout(redis_client, streams)
    assert layout == ShardLayout(count=4, read=4, epoch=3)
    assert set(published(redis_client, streams)) == set(load.entries)
    report = Checker(redis_client, streams, HOUSING, 60_000).check(load.entries, is_everything=True)
    assert report.is_complete, report.problems[:20]
    shards = layout.streams(streams)
    load.check(redis_client, shards)


async def test_nothing_changes_where_listings_are_not_answered(redis_client: Client, streams: Streams) -> None:
    (entry,) = publish(redis_client, streams, [event("l-1")])
    with pytest.raises(
        ShardError, match=r"listings in shard 0 were not answered within 0\.1 s, so nothing was changed"
    ):
        resharding(redis_client, streams, timeout_s=0.1).set(2)
    assert read_layout(redis_client, streams).count == 1
    assert not redis_client.exists(streams.shards_hold)
    assert verify(redis_client, streams, [entry]).waiting == 1


def test_only_one_command_changes_the_shards(redis_client: Client, streams: Streams) -> None:
    redis_client.set(streams.shards_hold, "another")
    with pytest.raises(ShardError, match="is being changed by another command"):
        resharding(redis_client, streams).set(2)
    assert redis_client.get(streams.shards_hold) == b"another"


def test_a_command_that_lost_its_hold_changes_nothing(redis_url: str, redis_client: Client, streams: Streams) -> None:
    def lose(stage: str) -> None:
        if stage.startswith("identities"):
            redis_client.set(streams.shards_hold, "another")

    with connect(redis_url) as client:
        command = resharding(client, streams)
        command.on_stage = lose
        with pytest.raises(ShardError, match="nothing was changed: repeat it"):
            command.set(2)
    assert read_layout(redis_client, streams).count == 1
    assert redis_client.get(streams.shards_hold) == b"another"


def test_identities_go_to_the_shards_of_their_repeats(redis_client: Client, streams: Streams) -> None:
    layout = ShardLayout(count=2, read=2)
    shards = ShardLayout(count=4, read=4).streams(streams)
    wanted: dict[str, tuple[int, str]] = {}
    for number in range(40):
        listing = {"id": f"l-{number}", "source": "crm"} | ({"subject": f"s-{number}"} if number % 2 else {})
        shard = shards[shard_of(json.dumps(listing).encode(), 2)]
        prediction = json.dumps({"id": "1-0"} | ({"subject": listing["subject"]} if number % 2 else {}))
        first = redis_client.xadd(shard.predictions, {"data": prediction}).decode()
        key = shard.dedup_current if number < 30 else shard.dedup_previous
        redis_client.hset(key, json.dumps(["crm", listing["id"]], separators=(",", ":")), first)
        wanted[listing["id"]] = shard_of(json.dumps(listing).encode(), 4), entry_name(shard.shard, first)
    sum(IdentityMover(redis_client, streams, 300).move(layout, 4))
    for listing_id, (number, first) in wanted.items():
        identity = json.dumps(["crm", listing_id], separators=(",", ":"))
        keys = shards[number].dedup_current, shards[number].dedup_previous
        known = [value.decode() for key in keys if (value := redis_client.hget(key, identity))]
        name = known[0] if "@" in known[0] else entry_name(number, known[0])
        assert name.removesuffix("@0") == first
    # one whose prediction was trimmed may be repeated anywhere
    redis_client.hset(shards[0].dedup_current, '["crm","gone"]', "1-1")
    sum(IdentityMover(redis_client, streams, 300).move(layout, 4))
    values = [redis_client.hget(shard.dedup_current, '["crm","gone"]') for shard in shards]
    assert values == [b"1-1", b"1-1@0", b"1-1@0", b"1-1@0"]


def test_shards_that_hold_nothing_are_read_no_longer(redis_client: Client, streams: Streams) -> None:
    redis_client.hset(streams.shards, mapping=ShardLayout(count=5, read=5, epoch=7).model_dump())
    redis_client.xadd(streams.of_shard(2).predictions, {"data": "{}"})
    redis_client.xadd(streams.of_shard(3).explain, {"data": "{}"})
    done = resharding(redis_client, streams).set(2)
    assert done.after == read_layout(redis_client, streams) == ShardLayout(count=2, read=4, epoch=8)
    assert resharding(redis_client, streams).set(2).held_s == 0.0
