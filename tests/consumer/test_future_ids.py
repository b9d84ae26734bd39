"""Listings whose publisher chose an entry id of the future: answered once, trimmed, and of unknown age."""

from __future__ import annotations

import json

from monitoring.latency import read_latency
from operations.status import read_status
from operations.verify import verify
from schemas.streams import Streams
from tests.consumer.harness import Client, count, event, pending, publish_numbered, running, settings_for
from tests.consumer.test_maintenance import KEEP, answer, length
from tests.waiting import wait_until_async
from transport.clock import now_ms
from transport.entries import EntryId

YEAR_MS = 365 * 86_400_000


def publish_ahead(client: Client, streams: Streams, ahead_ms: int = YEAR_MS) -> str:
    """Publish a listing with an entry id that is later than Redis's clock."""
    written = client.xadd(streams.listings, {"data": event("ahead")}, id=f"{now_ms(client) + ahead_ms}-7")
    return str(written.decode())


async def test_listings_with_ids_of_the_future_are_answered_once_and_leave_no_latency(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    before = publish_numbered(redis_client, streams, 3)
    ahead = publish_ahead(redis_client, streams)
    # Redis gives later ids to all that follow
    after = publish_numbered(redis_client, streams, 3, first=10)
    entries = [*before, ahead, *after]
    assert entries == sorted(entries, key=EntryId.parse)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
        await wait_until_async(lambda: not pending(redis_client, streams))
    verdict = verify(redis_client, streams, entries)
    assert (verdict.outcomes, verdict.waiting, verdict.lost, verdict.doubled) == ({"prediction": 7}, 0, (), {})
    latency = read_latency(redis_client, streams)
    assert latency is not None
    assert (latency.count, latency.left_out) == (3, 4)
    assert 0 <= latency.p50 <= latency.p99 < 600_000
    status = read_status(redis_client, streams)
    assert status.ahead_s > (YEAR_MS - 600_000) / 1000
    assert any("days ahead of Redis's clock: their ages and latencies are unknown" in each for each in status.reasons)


async def test_the_largest_entry_id_is_answered(redis_client: Client, redis_url: str, streams: Streams) -> None:
    largest = f"{2**64 - 1}-{2**64 - 1}"
    redis_client.xadd(streams.listings, {"data": event("last")}, id=largest)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    assert verify(redis_client, streams, [largest]).outcomes == {"prediction": 1}
    assert read_latency(redis_client, streams) is None


async def test_listings_with_ids_of_the_future_are_trimmed_like_others(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    publish_ahead(redis_client, streams)
    async with running(redis_url, settings_for(streams.prefix, retention=KEEP)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
        for burst in range(6):
            await answer(redis_client, streams, 60, first=burst * 60)
        await wait_until_async(lambda: length(redis_client, streams.listings) <= 161)
        assert length(redis_client, streams.listings) >= 100
        # the low-water mark follows the ids, and so can rebuild the group from there
        last = redis_client.xinfo_stream(streams.listings)["last-generated-id"]
        await wait_until_async(lambda: redis_client.hget(streams.progress, "low_water") == last)


async def test_marks_of_a_clock_that_was_set_back_grow_old(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    kept = {"interval_s": 0.05, "max_age_s": 1}
    async with running(redis_url, settings_for(streams.prefix, retention=kept)):
        await answer(redis_client, streams, 20, first=0)
        # as if the marks had been made before the clock was set back by a year
        script = """
            for i, text in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
              local mark = cjson.decode(text)
              mark.ms = mark.ms + ARGV[1]
              redis.call('LSET', KEYS[1], i - 1, cjson.encode(mark))
            end"""
        redis_client.eval(script, 1, streams.trim_marks, YEAR_MS)
        await wait_until_async(lambda: length(redis_client, streams.listings) <= 1)
    marks = [json.loads(text) for text in redis_client.lrange(streams.trim_marks, 0, -1)]
    assert all(mark["ms"] <= now_ms(redis_client) for mark in marks)
