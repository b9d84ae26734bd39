"""Trimming, the removal of silent consumers, heartbeats."""

from __future__ import annotations

import json
from typing import Any

from schemas.states import ConsumerHeartbeat
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import Client, count, event, publish, publish_numbered, running, settings_for
from tests.waiting import wait_until_async

KEEP = {"interval_s": 0.05, "listings": 100, "answers": 50}


def length(client: Client, stream: str) -> int:
    """Length of a stream."""
    return int(client.xlen(stream))


async def answer(client: Client, streams: Streams, number: int, first: int) -> None:
    """Publish listings, and wait until they are answered and the newest mark, which trimming uses, includes them."""
    before = count(client, streams, "answered")
    publish_numbered(client, streams, number, first=first)
    await wait_until_async(lambda: count(client, streams, "answered") == before + number)
    await wait_until_async(lambda: latest_mark(client, streams)["totals"][1] == count(client, streams, "scored"))


def latest_mark(client: Client, streams: Streams) -> dict[str, Any]:
    """The newest mark."""
    newest = client.lindex(streams.trim_marks, -1)
    return dict(json.loads(newest)) if newest else {"totals": [-1] * 5}


async def test_answered_listings_and_answers_are_trimmed_to_the_retention(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, retention=KEEP, window={"max_rows": 80})):
        for burst in range(10):
            await answer(redis_client, streams, 60, first=burst * 60)
        await wait_until_async(lambda: length(redis_client, streams.listings) <= 161)
        await wait_until_async(lambda: length(redis_client, streams.predictions) <= 111)
        assert length(redis_client, streams.listings) >= 100
        assert length(redis_client, streams.predictions) >= 50
        rows = sum(len(fields[b"rows"]) // 76 for _, fields in redis_client.xrange(streams.window))
        assert 80 <= rows <= 80 + 120
        kept = length(redis_client, streams.listings)
        assert count(redis_client, streams, "trimmed") == 600 - kept


async def test_unread_and_pending_listings_are_never_trimmed(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    (held,) = publish_numbered(redis_client, streams, 1)
    redis_client.xgroup_create(streams.listings, SCORERS, "0")
    source: Any = {streams.listings: b">"}
    redis_client.xreadgroup(SCORERS, "slow", source, 1)
    settings = settings_for(streams.prefix, claim_idle_ms=60_000, retention=KEEP)
    async with running(redis_url, settings):
        for burst in range(5):
            await answer(redis_client, streams, 100, first=1 + burst * 100)
        assert redis_client.xrange(streams.listings, count=1)[0][0] == held.encode()
        redis_client.xack(streams.listings, SCORERS, held)
        for burst in range(3):
            await answer(redis_client, streams, 100, first=1000 + burst * 100)
        await wait_until_async(lambda: redis_client.xrange(streams.listings, count=1)[0][0] != held.encode())


async def test_foreign_group_keeps_what_it_has_not_read(redis_client: Client, redis_url: str, streams: Streams) -> None:
    redis_client.xgroup_create(streams.listings, "archivers", "0", mkstream=True)
    async with running(redis_url, settings_for(streams.prefix, retention=KEEP)):
        for burst in range(4):
            await answer(redis_client, streams, 100, first=burst * 100)
        assert length(redis_client, streams.listings) == 400
        source: Any = {streams.listings: b">"}
        redis_client.xreadgroup("archivers", "x", source, 1000, noack=True)
        await answer(redis_client, streams, 100, first=1000)
        await wait_until_async(lambda: length(redis_client, streams.listings) < 400)


async def test_nothing_is_trimmed_without_a_group(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix, retention=KEEP)
    async with running(redis_url, settings):
        await answer(redis_client, streams, 90, first=0)
    redis_client.xgroup_destroy(streams.listings, SCORERS)
    publish_numbered(redis_client, streams, 500, first=100)
    async with running(redis_url, settings) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 590)
        assert consumer.health.is_ready


async def test_marks_stay_few_over_many_bursts(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix, retention={**KEEP, "interval_s": 0.001}, batch={"max_records": 1})
    async with running(redis_url, settings):
        publish(redis_client, streams, (event(f"l-{i}") for i in range(1500)))
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1500)
        assert int(redis_client.llen(streams.trim_marks)) <= 510
        await wait_until_async(lambda: length(redis_client, streams.listings) <= 110)


async def test_heartbeat_has_name_state_and_model(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix), "a"):
        stored: Any = await wait_until_async(lambda: redis_client.hget(streams.consumers, "a"))
        beat = ConsumerHeartbeat.model_validate_json(stored)
        assert (beat.name, beat.version, beat.activation) == ("a", "1", "1-0")
        seconds, _ = redis_client.time()
        assert beat.is_living(seconds * 1000)
        assert not beat.is_living((seconds + 20) * 1000)
    assert not redis_client.hexists(streams.consumers, "a")


async def test_silent_consumer_is_removed_only_without_pending_entries(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    publish_numbered(redis_client, streams, 2)
    redis_client.xgroup_create(streams.listings, SCORERS, "0")
    source: Any = {streams.listings: b">"}
    redis_client.xreadgroup(SCORERS, "holding", source, 1)
    stale = {"name": "x", "instance": "i", "host": "h", "pid": 1, "started_ms": 0, "at_ms": 0, "state": "running"}
    for name in ("holding", "empty"):
        redis_client.hset(streams.consumers, name, json.dumps(stale | {"name": name}))
    redis_client.xgroup_createconsumer(streams.listings, SCORERS, "empty")
    async with running(redis_url, settings_for(streams.prefix, claim_idle_ms=60_000)):
        await wait_until_async(lambda: not redis_client.hexists(streams.consumers, "empty"))
        names = {c["name"] for c in redis_client.xinfo_consumers(streams.listings, SCORERS)}
        assert b"holding" in names
        assert b"empty" not in names
        assert redis_client.hexists(streams.consumers, "holding")
