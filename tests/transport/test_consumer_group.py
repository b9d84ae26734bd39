"""One consumer's membership of a group: what it reads, claims, takes, renews and releases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from schemas.streams import SCORERS, Streams
from tests.consumer.harness import Client
from transport.connection import connect_async
from transport.consumer_group import ConsumerGroup, create_group, has_group


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    client = connect_async(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def group(client: redis.asyncio.Redis, streams: Streams) -> ConsumerGroup:
    """Consumer `a` of the scorers, whose entries others may claim at once."""
    group = ConsumerGroup(client, streams.listings, SCORERS, "a", 0)
    await group.create()
    return group


def member(client: redis.asyncio.Redis, streams: Streams, name: str, claim_idle_ms: int = 0) -> ConsumerGroup:
    return ConsumerGroup(client, streams.listings, SCORERS, name, claim_idle_ms)


def add(client: Client, streams: Streams, count: int) -> list[bytes]:
    return [client.xadd(streams.listings, {"data": str(number)}) for number in range(count)]


def deliveries(client: Client, streams: Streams) -> dict[bytes, tuple[bytes, int]]:
    entries: Any = client.xpending_range(streams.listings, SCORERS, "-", "+", 100)
    return {entry["message_id"]: (entry["consumer"], entry["times_delivered"]) for entry in entries}


async def test_a_group_begins_at_the_first_entry_and_is_created_once(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams
) -> None:
    (entry,) = add(redis_client, streams, 1)
    assert not await has_group(client, streams.listings, SCORERS)
    await create_group(client, streams.listings, SCORERS)
    await create_group(client, streams.listings, SCORERS)
    assert await has_group(client, streams.listings, SCORERS)
    assert [each.id for each in await member(client, streams, "a").read(10)] == [entry]


async def test_reading_gives_fields_and_delivers_each_entry_once(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    ids = add(redis_client, streams, 3)
    first, rest = await group.read(2), await member(client, streams, "b").read(10)
    assert [each.id for each in [*first, *rest]] == ids
    assert (first[0].fields, first[0].deliveries) == ({b"data": b"0"}, 1)
    assert await group.read(10) == []


async def test_a_claim_does_not_raise_the_delivery_count_and_a_take_does(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    first, second = add(redis_client, streams, 2)
    await member(client, streams, "dead").read(10)
    claimed = await group.claim_idle()
    assert [each.id for each in claimed] == [first, second]
    assert deliveries(redis_client, streams) == {first: (b"a", 1), second: (b"a", 1)}
    taken = await group.take(claimed[1])
    assert taken is not None
    assert (taken.fields, taken.deliveries) == ({b"data": b"1"}, 2)
    assert deliveries(redis_client, streams) == {first: (b"a", 1), second: (b"a", 2)}


async def test_claimed_fields_come_with_the_claim_on_request(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    add(redis_client, streams, 1)
    await member(client, streams, "dead").read(10)
    (claimed,) = await group.claim_idle(10, with_fields=True)
    assert claimed.fields == {b"data": b"0"}


async def test_a_deleted_entry_is_found_without_being_claimed(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    (entry,) = add(redis_client, streams, 1)
    await member(client, streams, "dead").read(10)
    redis_client.xdel(streams.listings, entry)
    (gone,) = await group.claim_idle()
    assert (gone.id, gone.flat, gone.fields) == (entry, None, {})
    assert deliveries(redis_client, streams) == {entry: (b"dead", 1)}


async def test_an_entry_that_another_consumer_owns_cannot_be_taken(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    add(redis_client, streams, 1)
    (entry,) = await group.read(10)
    await member(client, streams, "b").claim_idle()
    assert await group.take(entry) is None
    assert await group.renew([entry.id]) == 0


async def test_renewed_entries_are_not_idle(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    add(redis_client, streams, 1)
    (entry,) = await group.read(10)
    redis_client.xclaim(streams.listings, SCORERS, "a", 0, [entry.id], idle=60_000, justid=True)
    assert await group.renew([entry.id]) == 1
    assert await member(client, streams, "b", 30_000).claim_idle() == []


async def test_own_pending_entries_are_found_by_name(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    ids = add(redis_client, streams, 2)
    await group.read(1)
    await member(client, streams, "b").read(1)
    assert [each.id for each in await group.claim_own()] == ids[:1]
    assert await group.last_own() == ids[0]
    assert await member(client, streams, "c").last_own() == b""


async def test_a_consumer_with_pending_entries_stays_in_the_group(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams, group: ConsumerGroup
) -> None:
    (entry,) = add(redis_client, streams, 1)
    await group.read(1)
    assert await group.leave() == 1
    assert not await member(client, streams, "b").remove(b"a")
    assert deliveries(redis_client, streams) == {entry: (b"a", 1)}
    await group.acknowledge(entry)
    assert await group.leave() == 0
    assert redis_client.xinfo_consumers(streams.listings, SCORERS) == []


async def test_a_released_entry_is_claimed_at_once_and_its_attempt_does_not_count(
    redis_client: Client, client: redis.asyncio.Redis, streams: Streams
) -> None:
    (entry,) = add(redis_client, streams, 1)
    patient, other = member(client, streams, "a", 60_000), member(client, streams, "b", 60_000)
    await patient.create()
    await patient.read(1)
    assert await other.claim_idle() == []
    assert await patient.leave(gives_back=True) == 1
    (claimed,) = await other.claim_idle()
    assert (claimed.id, claimed.deliveries) == (entry, 0)


async def test_without_a_group_there_is_nothing_to_leave(client: redis.asyncio.Redis, streams: Streams) -> None:
    assert await member(client, streams, "a").leave() == 0
