"""Readers follow the number of shards, ask for it at most once a second, and keep it where its hash is deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import redis

from schemas.streams import Streams
from tests.sharding import set_shards
from tests.waiting import wait_until, wait_until_async
from transport.connection import connect_async
from transport.watched_shards import WatchedShards, WatchedShardsAsync


def calls_of(client: Any, command: str) -> int:
    return int(client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


def test_the_number_is_followed_and_kept_without_its_hash(redis_client: redis.Redis, streams: Streams) -> None:
    watched = WatchedShards(redis_client, streams)
    assert watched.read() == (streams,)
    set_shards(redis_client, streams, 3)
    wait_until(lambda: len(watched.read()) == 3)
    redis_client.delete(streams.shards)
    before = calls_of(redis_client, "hgetall")
    wait_until(lambda: watched.read() and calls_of(redis_client, "hgetall") > before, message="it has asked again")
    assert len(watched.read()) == 3
    set_shards(redis_client, streams, 1)
    wait_until(lambda: watched.read() == (streams,))


async def test_a_reader_asks_at_most_once_a_second(redis_client: redis.Redis, redis_url: str, streams: Streams) -> None:
    async with connect_async(redis_url) as client:
        watched = WatchedShardsAsync(client, streams)
        before = calls_of(redis_client, "hgetall")
        for _ in range(50):
            assert await watched.read() == (streams,)
        assert calls_of(redis_client, "hgetall") - before <= 2
        set_shards(redis_client, streams, 2)

        async def has_two() -> bool:
            return len(await watched.read()) == 2

        condition: Callable[[], bool | Awaitable[bool]] = has_two
        await wait_until_async(condition)


def test_listings_are_spread_over_no_number_while_it_is_changed(redis_client: redis.Redis, streams: Streams) -> None:
    watched = WatchedShards(redis_client, streams)
    redis_client.set(streams.shards_hold, "t")
    assert watched.count() is None
    set_shards(redis_client, streams, 4)
    redis_client.delete(streams.shards_hold)
    assert watched.count() == 4
