"""`GET /scale` of the monitor: what waits, before anything was published, and without Redis."""

from __future__ import annotations

import json
from typing import Any

import redis

from monitoring.monitor.scale import RECENT_S, SCALE, read_workload
from schemas.states import GatewayHeartbeat
from schemas.streams import SCORERS, Streams
from service.application import ServedApp
from tests.conftest import StartRedis
from tests.monitoring.monitor.watched import boston_table, get, settings_for, wait_for_answer, watching
from tests.operations.answers import beat_as
from transport.clock import now_ms
from transport.connection import connect_async


async def _scale(monitor: ServedApp) -> tuple[int, Any]:
    status, body = await get(monitor, SCALE)
    return status, json.loads(body)


async def test_it_counts_listings_and_requests_for_explanations_that_wait(
    redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    nothing = {"demand": 0, "backlog": 0, "undelivered": 0, "pending": 0, "explain_requests": 0}
    async with watching(settings_for(redis_url, prefix), lambda _: boston_table()) as monitor:
        assert await _scale(monitor) == (200, nothing)
        for _ in range(3):
            redis_client.xadd(streams.listings, {"data": "{}"})
        redis_client.xadd(streams.explain, {"data": "{}"})
        redis_client.xgroup_create(streams.listings, SCORERS, "0")
        redis_client.xreadgroup(SCORERS, "c1", {streams.listings: ">"}, count=1)
        expected = {"demand": 3, "backlog": 3, "undelivered": 2, "pending": 1, "explain_requests": 1}
        assert await _scale(monitor) == (200, expected)


async def test_listings_that_come_keep_a_demand_for_a_minute(
    redis_client: redis.Redis, redis_url: str, streams: Streams
) -> None:
    client: Any = redis_client
    now = now_ms(redis_client)

    async def demand_after(listing_s: int) -> int:
        client.delete(streams.listings)
        entry = client.xadd(streams.listings, {"data": "{}"}, id=f"{now - listing_s * 1000}-0")
        client.xgroup_create(streams.listings, SCORERS, id="0")
        client.xreadgroup(SCORERS, "c1", {streams.listings: ">"})
        client.xack(streams.listings, SCORERS, entry)
        # Redis 6.2 knows no lag, so what is answered is counted
        client.hset(streams.progress, "answered", 1)
        async with connect_async(redis_url) as asking:
            workload = await read_workload(asking, [streams])
        assert workload.backlog == 0
        return workload.demand

    assert [await demand_after(RECENT_S - 20), await demand_after(RECENT_S + 1)] == [1, 0]
    for unserved_s, demand in ((None, 0), (RECENT_S + 1.0, 0), (RECENT_S - 20.0, 1)):
        beat_as(redis_client, streams.gateways, GatewayHeartbeat, "g1", unserved_s=unserved_s)
        assert await demand_after(RECENT_S + 1) == demand


async def test_it_says_that_redis_does_not_answer(private_redis: StartRedis, prefix: str) -> None:
    server = private_redis()
    async with watching(settings_for(server.url, prefix), lambda _: boston_table()) as monitor:
        await wait_for_answer(monitor, "/readyz", "no model has been activated yet")
        server.kill()
        assert await _scale(monitor) == (503, {"detail": "Redis does not answer"})
