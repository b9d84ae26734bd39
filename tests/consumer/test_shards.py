"""Consumers of a domain with several shards: each has its own, and a dead one's are read on by the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from consumer.consumer import Consumer
from consumer.shard_follower import owner_of
from schemas.shards import ShardLayout, answer_source, entry_name, shard_of
from schemas.streams import Streams
from tests.consumer.harness import Client, answers, event, outcomes, publish, running, settings_for
from tests.waiting import wait_until_async


def layout_of(client: Client, streams: Streams, count: int, read: int | None = None) -> tuple[Streams, ...]:
    """Say that the domain has so many shards."""
    layout = ShardLayout(count=count, read=read or count, epoch=1)
    client.hset(streams.shards, mapping=layout.model_dump())
    return layout.streams(streams)


def publish_by_shard(client: Client, shards: tuple[Streams, ...], listing_ids: Iterable[str]) -> set[str]:
    """Publish listings, each to its shard; returns the names of their entries."""
    names: set[str] = set()
    for listing_id in listing_ids:
        payload = event(listing_id)
        shard = shards[shard_of(payload, len(shards))]
        names |= {entry_name(shard.shard, entry_id) for entry_id in publish(client, shard, [payload])}
    return names


def outcomes_of(client: Client, shards: Iterable[Streams]) -> Counter[str]:
    """Number of outcomes of each entry, by its name."""
    return Counter(
        {entry_name(shard.shard, entry_id): n for shard in shards for entry_id, n in outcomes(client, shard).items()}
    )


async def test_listings_of_all_shards_are_answered_where_they_are(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    shards = layout_of(redis_client, streams, 3)
    entries = publish_by_shard(redis_client, shards, (f"l-{n}" for n in range(60)))
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: outcomes_of(redis_client, shards) == dict.fromkeys(entries, 1))
        assert len(consumer.flows) == 3
    for shard in shards:
        assert {one["source"] for one in answers(redis_client, shard.predictions)} == {
            answer_source("housing", shard.shard)
        }
        members: Any = redis_client.xinfo_consumers(shard.listings, "scorers")
        assert members == [], "it has left"
    assert not redis_client.hlen(streams.consumers)


async def test_a_new_domain_begins_with_the_shards_of_the_setting(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, shards=2)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == 2)
        assert not any(reason.startswith("shards") for reason in consumer.health.reasons)
    assert ShardLayout.from_hash(redis_client.hgetall(streams.shards)) == ShardLayout(count=2, read=2)


async def test_a_setting_that_is_not_what_redis_says_is_a_warning(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    publish(redis_client, streams, [event("l-1")])
    async with running(redis_url, settings_for(streams.prefix, shards=3)) as consumer:
        await wait_until_async(lambda: outcomes(redis_client, streams))
        assert (
            "shards: the settings say 3 shards and Redis 1, which counts: change it with `tasador shards set 3`, or"
            in ("\n".join(consumer.health.reasons))
        )
        assert consumer.health.is_ready
    assert not redis_client.exists(streams.shards)


async def test_shards_that_are_added_are_read_and_their_hash_is_written_again(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: redis_client.hlen(streams.consumers))
        shards = layout_of(redis_client, streams, 2, read=3)
        await wait_until_async(lambda: len(consumer.flows) == 3)
        redis_client.delete(streams.shards)
        await wait_until_async(lambda: redis_client.exists(streams.shards))
        assert ShardLayout.from_hash(redis_client.hgetall(streams.shards)) == ShardLayout(count=2, read=3, epoch=1)
        entries = publish_by_shard(redis_client, shards, ("a", "b", "c", "d", "e"))
        await wait_until_async(lambda: outcomes_of(redis_client, shards) == dict.fromkeys(entries, 1))


async def test_two_consumers_divide_the_shards(redis_url: str, redis_client: Client, streams: Streams) -> None:
    shards = layout_of(redis_client, streams, 4)
    settings = settings_for(streams.prefix)
    owners = [owner_of(shard.shard, ("a", "b")) for shard in shards]
    assert set(owners) == {"a", "b"}, "both have some of these"
    async with running(redis_url, settings, "a") as one, running(redis_url, settings, "b") as other:
        for consumer, name in ((one, "a"), (other, "b")):
            own = [owner == name for owner in owners]
            await wait_until_async(lambda c=consumer, o=own: [flow.duty.is_own for flow in c.flows] == o)  # type: ignore[misc]
        entries = publish_by_shard(redis_client, shards, (f"l-{n}" for n in range(40)))
        await wait_until_async(lambda: outcomes_of(redis_client, shards) == dict.fromkeys(entries, 1))


async def shard_of_the_dead(client: Client, streams: Streams, shards: Sequence[Streams], consumer: Consumer) -> Streams:
    """A shard of a consumer that was killed a moment ago: it has a heartbeat beside consumer `a`, and does not read."""
    mine = next(shard for shard in shards if owner_of(shard.shard, ("a", "dead")) == "dead")
    beat: Any = await wait_until_async(lambda: client.hget(streams.consumers, "a"))
    client.hset(streams.consumers, "dead", beat.replace(b'"name":"a"', b'"name":"dead"'))
    await wait_until_async(lambda: not consumer.flows[mine.shard].duty.is_own)
    await wait_until_async(lambda: client.exists(mine.listings))
    client.xreadgroup("scorers", "dead", {mine.listings: ">"})
    return mine


async def test_a_shard_whose_own_consumer_does_not_read_is_read_within_a_second(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    shards = layout_of(redis_client, streams, 4)
    settings = settings_for(streams.prefix)
    async with running(redis_url, settings, "a") as consumer:
        mine = await shard_of_the_dead(redis_client, streams, shards, consumer)
        begin_s = time.monotonic()
        publish(redis_client, mine, [event("l-1")])
        await wait_until_async(lambda: outcomes(redis_client, mine))
        assert time.monotonic() - begin_s < 1
        assert not consumer.flows[mine.shard].duty.is_own


async def test_a_busy_consumer_reads_a_shard_that_nobody_reads_within_a_second(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    """One that lags would get no help from it, but its own consumer is dead, which shows after `batch.block_ms`."""
    shards = layout_of(redis_client, streams, 4)
    settings = settings_for(streams.prefix, batch={"max_records": 100, "block_ms": 500})
    async with running(redis_url, settings, "a") as consumer:
        mine = await shard_of_the_dead(redis_client, streams, shards, consumer)
        begin_s = time.monotonic()
        publish(redis_client, mine, [event("l-1")])

        def is_answered() -> bool:
            consumer.flows[0].duty.load.note_full()
            return bool(outcomes(redis_client, mine))

        await wait_until_async(is_answered)
        assert time.monotonic() - begin_s < 1
        assert consumer.flows[mine.shard].duty.load.is_high


async def test_a_hash_of_shards_that_says_nothing_useful_is_a_reason(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    """A consumer goes on with the shards that it knows, and writes them again where the hash is deleted."""
    shards = layout_of(redis_client, streams, 2)
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == 2)
        redis_client.hset(streams.shards, "count", "many")
        wanted = (
            "shards: the hash `shards` in Redis says 'count=many, read=2, epoch=1', and a domain has 1 to 64 shards"
        )
        await wait_until_async(lambda: any(reason.startswith(wanted) for reason in consumer.health.reasons))
        entries = publish_by_shard(redis_client, shards, ("a", "b", "c", "d", "e"))
        await wait_until_async(lambda: outcomes_of(redis_client, shards) == dict.fromkeys(entries, 1))
        redis_client.delete(streams.shards)
        await wait_until_async(lambda: redis_client.hget(streams.shards, "count") == b"2")


async def test_a_repeat_names_the_first_prediction_and_its_shard(
    redis_url: str, redis_client: Client, streams: Streams
) -> None:
    shards = layout_of(redis_client, streams, 2)
    async with running(redis_url, settings_for(streams.prefix)):
        for shard in shards:
            listing_id = next(f"l-{n}" for n in range(99) if shard_of(event(f"l-{n}"), 2) == shard.shard)
            publish(redis_client, shard, [event(listing_id), event(listing_id)])
            (repeat,) = await wait_until_async(lambda s=shard: answers(redis_client, s.repeats))  # type: ignore[misc]
            (first,) = redis_client.xrange(shard.predictions)
            assert repeat["data"]["first"] == entry_name(shard.shard, first[0].decode())
        # as a change of the number of shards copies it
        redis_client.hset(shards[1].dedup_current, '["","moved"]', "7-0@0")
        publish(redis_client, shards[1], [event("moved", source="")])
        await wait_until_async(lambda: len(answers(redis_client, shards[1].repeats)) == 2)
        assert answers(redis_client, shards[1].repeats)[1]["data"]["first"] == "7-0"


def test_a_consumer_that_leaves_moves_only_its_own_shards() -> None:
    names = ("a", "b", "c", "d")
    before = {shard: owner_of(shard, names) for shard in range(64)}
    after = {shard: owner_of(shard, names[:3]) for shard in range(64)}
    assert all(after[shard] == owner for shard, owner in before.items() if owner != "d")
    assert min(Counter(before.values()).values()) >= 8
    assert owner_of(0, ()) == ""
