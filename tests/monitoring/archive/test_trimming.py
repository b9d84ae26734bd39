"""Trimming waits for the audit log up to a limit."""

from __future__ import annotations

import json
from typing import Any

import redis

from schemas.streams import ARCHIVERS, Streams
from tests.consumer.harness import count, publish_numbered, running, settings_for
from tests.waiting import wait_until_async

KEEP: dict[str, Any] = {"interval_s": 0.05, "listings": 100, "answers": 50}
BURSTS, ROWS = 8, 60


def _marked(client: Any, streams: Streams) -> int:
    """Number of predictions in the newest mark, because trimming uses the marks."""
    newest = client.lindex(streams.trim_marks, -1)
    return int(json.loads(newest)["totals"][1]) if newest else 0


async def _lengths(client: Any, redis_url: str, streams: Streams, lag: int) -> tuple[int, int]:
    """How many listings and predictions remain after 480 answers, with nothing in the log."""
    for key in (streams.listings, streams.predictions):
        client.xgroup_create(key, ARCHIVERS, id="0", mkstream=True)
    settings = settings_for(streams.prefix, retention=KEEP | {"archiver_lag": lag})
    async with running(redis_url, settings):
        for burst in range(BURSTS):
            publish_numbered(client, streams, ROWS, first=burst * ROWS)
            await wait_until_async(lambda: count(client, streams, "answered") == (burst + 1) * ROWS)  # noqa: B023
            await wait_until_async(lambda: _marked(client, streams) == (burst + 1) * ROWS)  # noqa: B023
        if lag < BURSTS * ROWS:
            for key in (streams.listings, streams.predictions):
                await wait_until_async(lambda: client.xlen(key) < BURSTS * ROWS, message=f"{key} is trimmed")  # noqa: B023
        return int(client.xlen(streams.listings)), int(client.xlen(streams.predictions))


async def test_entries_that_are_not_in_the_log_stay(
    redis_client: redis.Redis, redis_url: str, streams: Streams
) -> None:
    assert await _lengths(redis_client, redis_url, streams, lag=100_000) == (480, 480)


async def test_a_log_that_is_too_far_behind_holds_up_nothing(
    redis_client: redis.Redis, redis_url: str, streams: Streams
) -> None:
    listings, predictions = await _lengths(redis_client, redis_url, streams, lag=200)
    assert (listings < 480, predictions < 480) == (True, True)


async def test_entries_in_the_log_are_trimmed(redis_client: redis.Redis, redis_url: str, streams: Streams) -> None:
    client: Any = redis_client
    async with running(redis_url, settings_for(streams.prefix, retention=KEEP)):
        for burst in range(BURSTS):
            publish_numbered(client, streams, ROWS, first=burst * ROWS)
            await wait_until_async(lambda: count(client, streams, "answered") == (burst + 1) * ROWS)  # noqa: B023
            await wait_until_async(lambda: _marked(client, streams) == (burst + 1) * ROWS)  # noqa: B023
            for key in (streams.listings, streams.predictions):
                last = client.xrevrange(key, count=1)[0][0]
                if not burst:
                    client.xgroup_create(key, ARCHIVERS, id="0")
                client.xgroup_setid(key, ARCHIVERS, last)
        await wait_until_async(lambda: client.xlen(streams.listings) <= 220)
        await wait_until_async(lambda: client.xlen(streams.predictions) <= 170)
