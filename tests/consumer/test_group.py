"""A lost group is rebuilt where it was: nothing is lost or answered twice. Deduplication is off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from operations.dead_letters import DeadLetters
from schemas.streams import SCORERS, Streams
from tests.conftest import StartRedis
from tests.consumer.harness import (
    Client,
    answers,
    count,
    event,
    has_changed,
    outcomes,
    pending,
    publish,
    publish_numbered,
    running,
    served,
    settings_for,
)
from tests.waiting import wait_until_async
from transport.connection import connect


def destroy(client: Client, streams: Streams) -> None:
    """Destroy the group, and check that it existed."""
    assert client.xgroup_destroy(streams.listings, SCORERS) == 1


async def test_group_destroyed_under_load(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(
        streams.prefix,
        dedup_seconds=0,
        batch={"max_records": 40, "block_ms": 20},
        retention={"interval_s": 0.05, "listings": 300, "answers": 300},
    )
    entries: list[str] = []
    model = served()
    async with running(redis_url, settings, "a", model), running(redis_url, settings, "b", model):
        for round_ in range(5):
            for chunk in range(20):
                entries += publish_numbered(redis_client, streams, 50, first=round_ * 1000 + chunk * 50)
                await asyncio.sleep(0)
            await wait_until_async(has_changed(lambda: count(redis_client, streams, "answered")))
            destroy(redis_client, streams)
        await wait_until_async(lambda: count(redis_client, streams, "answered") >= len(entries))
        await wait_until_async(lambda: pending(redis_client, streams) == 0)
        assert count(redis_client, streams, "answered") == len(entries)
    kept = outcomes(redis_client, streams)
    assert set(kept.values()) == {1}
    assert kept.total() + 5000 - len(entries) >= 300


async def test_pending_entries_are_answered_after_a_rebuild(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """Holes below the highest answer; a dead letter, a repeat, a dropped dead letter: each counts as an answer."""
    settings = settings_for(streams.prefix)
    async with running(redis_url, settings):
        first = publish(redis_client, streams, [event("l-1"), b"junk", event("l-1"), b"rubbish"])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
    rubbish: Any = redis_client.xrevrange(streams.dead_letters, count=1)
    DeadLetters(redis_client, streams).drop(rubbish[0][0].decode(), "test")
    assert redis_client.xlen(streams.dead_letters) == 1
    hole = publish_numbered(redis_client, streams, 2, first=10)
    source: Any = {streams.listings: b">"}
    assert len(redis_client.xreadgroup(SCORERS, "dead", source, 10)[0][1]) == 2
    last = publish_numbered(redis_client, streams, 1, first=20)
    async with running(redis_url, settings_for(streams.prefix, claim_idle_ms=60_000)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 5)
        assert pending(redis_client, streams) == 2
        destroy(redis_client, streams)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 7)
    assert outcomes(redis_client, streams) == dict.fromkeys([*first[:3], *hole, *last], 1)


async def test_rebuild_while_nothing_was_ever_answered(redis_client: Client, redis_url: str, streams: Streams) -> None:
    redis_client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    entries = publish_numbered(redis_client, streams, 5)
    destroy(redis_client, streams)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 5)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_new_stream_after_the_old_one_was_deleted(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        publish_numbered(redis_client, streams, 10)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 10)
        assert redis_client.delete(streams.listings) == 1
        entries = publish_numbered(redis_client, streams, 10, first=10)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 20)
    assert all(outcomes(redis_client, streams)[entry] == 1 for entry in entries)


async def test_everything_flushed(private_redis: StartRedis, streams: Streams) -> None:
    server = private_redis()
    with connect(server.url) as client:
        async with running(server.url, settings_for(streams.prefix)):
            publish_numbered(client, streams, 10)
            await wait_until_async(lambda: count(client, streams, "answered") == 10)
            client.flushall()
            entries = publish_numbered(client, streams, 10, first=10)
            await wait_until_async(lambda: count(client, streams, "answered") == 10)
        assert outcomes(client, streams) == dict.fromkeys(entries, 1)


async def test_redis_restarted_under_load(private_redis: StartRedis, streams: Streams) -> None:
    server = private_redis("--appendonly", "yes", "--appendfsync", "always")
    settings = settings_for(streams.prefix, dedup_seconds=0, batch={"max_records": 20, "block_ms": 20})
    async with running(server.url, settings, "a"), running(server.url, settings, "b") as consumer:
        entries: list[str] = []
        for life in range(3):
            with connect(server.url) as client:
                entries += publish_numbered(client, streams, 1000, first=life * 1000)
            before = server.pid
            await asyncio.to_thread(server.kill)
            await wait_until_async(lambda: not consumer.health.is_ready)
            await asyncio.to_thread(server.restart)
            assert server.pid != before
        with connect(server.url) as client:
            await wait_until_async(lambda: count(client, streams, "answered") == 3000)
            await wait_until_async(lambda: consumer.health.is_ready)
    with connect(server.url) as client:
        assert outcomes(client, streams) == dict.fromkeys(entries, 1)
        assert pending(client, streams) == 0


@pytest.mark.parametrize("dedup_seconds", [0, 300])
async def test_50_stops_under_load_leave_nothing_pending(
    redis_client: Client, redis_url: str, streams: Streams, dedup_seconds: int
) -> None:
    settings = settings_for(
        streams.prefix, claim_idle_ms=60_000, dedup_seconds=dedup_seconds, batch={"max_records": 50, "block_ms": 10}
    )
    stopping = asyncio.Event()
    entries: list[str] = []

    async def load() -> None:
        while not stopping.is_set():
            entries.extend(publish_numbered(redis_client, streams, 20, first=len(entries)))
            await asyncio.sleep(0.001)

    publisher = asyncio.create_task(load())
    for _ in range(50):
        async with running(redis_url, settings, "a"):
            await wait_until_async(has_changed(lambda: count(redis_client, streams, "answered")))
        assert pending(redis_client, streams) == 0
    stopping.set()
    await publisher
    consumers: Any = redis_client.xinfo_consumers(streams.listings, SCORERS)
    assert consumers == []
    async with running(redis_url, settings, "a"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(answers(redis_client, streams.predictions)) == len(entries)
