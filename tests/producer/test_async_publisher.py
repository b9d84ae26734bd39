"""The asynchronous publisher behaves like the synchronous one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from producer import AsyncListingPublisher
from producer.chunks import CHUNK_LISTINGS
from schemas.errors import BacklogFullError, PublishError, RefusedListingError
from schemas.events import Listing
from schemas.settings import Settings
from schemas.streams import Streams
from tests.listings import Row, listing
from tests.producer.stream import decode_all, read_entries


async def test_every_real_row_arrives_in_order(
    settings: Settings, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row]
) -> None:
    async def listings() -> AsyncIterator[Listing]:
        for n, row in enumerate(boston_rows):
            yield Listing(id=f"l-{n}", data=row)

    async with AsyncListingPublisher(settings, validate=True) as publisher:
        entry_ids = await publisher.publish_many(listings())
    assert [entry_id for entry_id, _ in read_entries(redis_client, streams)] == entry_ids
    assert [decoded.id for decoded in decode_all(redis_client, streams)] == [f"l-{n}" for n in range(506)]


async def test_chunks_are_yielded_one_by_one(settings: Settings) -> None:
    async with AsyncListingPublisher(settings) as publisher:
        sizes = [len(chunk) async for chunk in publisher.publish_chunks([b"{}"] * (CHUNK_LISTINGS + 1))]
    assert sizes == [CHUNK_LISTINGS, 1]


async def test_tasks_share_a_publisher(settings: Settings, redis_client: redis.Redis, streams: Streams) -> None:
    payloads = [b"%d" % n for n in range(20)]
    async with AsyncListingPublisher(settings) as publisher:
        entry_ids = await asyncio.gather(*(publisher.publish(payload) for payload in payloads))
    assert dict(read_entries(redis_client, streams)) == dict(zip(entry_ids, payloads, strict=True))


async def test_an_invalid_listing_is_not_sent(
    settings: Settings, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row]
) -> None:
    async with AsyncListingPublisher(settings, validate=True) as publisher:
        with pytest.raises(RefusedListingError, match=r"^listing 1 \('l-1'\): unknown_feature: POOL"):
            await publisher.publish(listing(boston_rows[0] | {"POOL": 1}, "l-1"))
    assert not redis_client.exists(streams.listings)


async def test_it_waits_at_the_high_water_mark(settings: Settings, redis_client: redis.Redis, streams: Streams) -> None:
    backlogs: list[int] = []

    def trim(backlog: int) -> None:
        backlogs.append(backlog)
        redis_client.xtrim(streams.listings, maxlen=1, approximate=False)

    changed = settings.model_copy(update={"high_water": 2})
    async with AsyncListingPublisher(changed, on_wait=trim) as publisher:
        await publisher.publish_many([b"1", b"2"])
        await publisher.publish(b"3")
    assert backlogs == [2]
    assert [payload for _, payload in read_entries(redis_client, streams)] == [b"2", b"3"]


async def test_it_raises_at_the_high_water_mark_if_set_to(settings: Settings) -> None:
    changed = settings.model_copy(update={"high_water": 2})
    async with AsyncListingPublisher(changed, on_full="raise") as publisher:
        await publisher.publish_many([b"1", b"2"])
        with pytest.raises(BacklogFullError):
            await publisher.publish(b"3")


async def test_a_key_of_another_type_is_an_error(
    settings: Settings, redis_client: redis.Redis, streams: Streams
) -> None:
    redis_client.set(streams.listings, "mine")
    async with AsyncListingPublisher(settings) as publisher:
        with pytest.raises(PublishError, match="WRONGTYPE"):
            await publisher.publish(b"{}")
