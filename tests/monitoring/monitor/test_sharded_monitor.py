"""A monitor sees all shards of a domain as one: its windows, what waits in it, and what a bake measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import redis

from monitoring.monitor.scale import read_workload
from monitoring.monitor.window import newest_entries, read_recent, span_of
from monitoring.retraining.baking import measure_bake, start_bake
from schemas.sections import LoopSettings
from schemas.states import DesiredModel
from schemas.streams import SCORERS, Streams
from tests.monitoring.monitor.watched import HOUSING, Window, boston_table, settings_for, watching
from tests.sharding import set_shards
from transport.connection import connect_async


async def test_drift_looks_at_the_newest_rows_of_all_shards(
    redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    shards = set_shards(redis_client, streams, 3)
    table = boston_table()
    domain_window = Window(redis_client, streams)
    domain_window.activate()
    windows = [Window(redis_client, shard) for shard in shards]
    for number in range(5):
        windows[number % 3].write(table.iloc[number * 100 : number * 100 + 100])
    async with watching(settings_for(redis_url, prefix), lambda _: table):
        first = await domain_window.report(1)
        assert first.scored == 500
        windows[2].write(table.assign(RM=table["RM"] + 2))
        second = await domain_window.report(2)
        assert second.scored == 1006
        assert "RM" in second.drifted, "only shard 2 has these rows"
    async with connect_async(redis_url) as client:
        recent = await read_recent(client, shards, HOUSING, 150)
        assert (len(recent.rows), set(recent.shards.tolist())) == (206, {2}), "the newest entries"
        assert recent.newest == await newest_entries(client, shards)
        assert str(span_of(recent, slice(0, len(recent.rows))).last).endswith("@2")
        everything = await read_recent(client, shards, HOUSING, 10_000)
        assert np.bincount(everything.shards).tolist() == [200, 200, 606]


async def test_what_waits_is_added_up(redis_client: redis.Redis, redis_url: str, streams: Streams) -> None:
    shards = set_shards(redis_client, streams, 3)
    for number, shard in enumerate(shards):
        for _ in range(number + 1):
            redis_client.xadd(shard.listings, {"data": "{}"})
        redis_client.xgroup_create(shard.listings, SCORERS, "0")
    redis_client.xreadgroup(SCORERS, "c1", {shards[2].listings: ">"}, count=2)
    redis_client.xadd(shards[1].explain, {"data": "{}"})
    async with connect_async(redis_url) as client:
        workload = await read_workload(client, shards)
    assert workload.model_dump() == {
        "demand": 6,
        "backlog": 6,
        "undelivered": 4,
        "pending": 2,
        "explain_requests": 1,
    }


async def test_a_listing_of_any_shard_keeps_a_consumer_running(
    redis_client: redis.Redis, redis_url: str, streams: Streams
) -> None:
    shards = set_shards(redis_client, streams, 3)
    for shard in shards:
        redis_client.xgroup_create(shard.listings, SCORERS, "0", mkstream=True)
    async with connect_async(redis_url) as client:
        assert (await read_workload(client, shards)).demand == 0
        entry = redis_client.xadd(shards[2].listings, {"data": "{}"})
        redis_client.xreadgroup(SCORERS, "c1", {shards[2].listings: ">"})
        redis_client.xack(shards[2].listings, SCORERS, entry)
        redis_client.hset(shards[2].progress, "answered", 1)
        workload = await read_workload(client, shards)
    assert (workload.demand, workload.backlog) == (1, 0)


def test_a_bake_measures_what_the_model_did_in_all_shards(redis_client: Any, streams: Streams) -> None:
    shards = set_shards(redis_client, streams, 3)
    desired = DesiredModel(activation="2000-0", version="2", digest="d", uri="u")
    table = boston_table().iloc[:60]
    for shard in shards:
        redis_client.hset(shard.progress, mapping={"answered": 10, "refused:poison": 1})
    start = start_bake(redis_client, streams, desired)
    for number, shard in enumerate(shards):
        window = Window(redis_client, shard)
        for activation, mean in (("1000-0", 20.0), ("2000-0", 35.0)):
            spread = np.linspace(-5, 5, len(table))
            window.write(table.assign(prediction=mean + number + spread), activation, batch=20)
        redis_client.hincrby(shard.progress, "answered", 100)
        redis_client.hincrby(shard.progress, "refused:poison", number)
    limits = LoopSettings(bake_min_answers=120)
    measured = measure_bake(redis_client, streams, HOUSING, start, limits)
    assert (measured.answered, measured.poison_share) == (300, 0.01)
    assert measured.shift_sd is not None, "no shard alone has 120 rows of each"
    assert measured.shift_sd > 3
