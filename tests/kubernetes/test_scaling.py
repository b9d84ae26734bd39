"""Consumers that join and leave on the backlog that the monitor serves move no answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from math import ceil

import redis

from monitoring.monitor.scale import SCALE, Workload
from operations.verify import published, verify
from schemas.streams import Streams
from service.application import ServedApp
from tests.consumer.harness import answers, publish_numbered, running, served, settings_for
from tests.kubernetes.overlays import of_kind, render_overlay
from tests.monitoring.monitor import watched
from tests.waiting import wait_until_async

ROUND = 200


async def _workload(monitor: ServedApp) -> Workload:
    status, body = await watched.get(monitor, SCALE)
    assert status == 200
    return Workload.model_validate_json(body)


async def test_consumers_grow_from_none_to_four_and_shrink_to_none_and_back_under_load(
    redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    scaled = of_kind(render_overlay("one-redis"), "ScaledObject")["consumer"]["spec"]
    largest = scaled["maxReplicaCount"]
    sent = 0

    def publish() -> None:
        nonlocal sent
        sent += len(publish_numbered(redis_client, streams, ROUND, sent))

    async def is_empty() -> bool:
        return (await _workload(monitor)).backlog == 0

    none_waits: Callable[[], bool | Awaitable[bool]] = is_empty

    settings = settings_for(prefix, dedup_seconds=0)
    async with watched.watching(watched.settings_for(redis_url, prefix), lambda _: watched.boston_table()) as monitor:
        assert (await _workload(monitor)).backlog == scaled["minReplicaCount"] == 0
        # the same rule as KEDA's, with less work for each replica
        for _ in range(2 * largest):
            publish()
        wanted = min(ceil((await _workload(monitor)).backlog / ROUND), largest)
        assert wanted == largest == 4

        async with AsyncExitStack() as consumers:
            for number in range(wanted):
                model = served(activation=f"{number + 1}-0")
                await consumers.enter_async_context(running(redis_url, settings, f"c{number}", model))
                publish()
            # each answers something
            await wait_until_async(lambda: _publish_until(wanted, redis_client, streams, publish))
            publish()
        publish()
        left = await _workload(monitor)
        assert left.backlog >= ROUND
        # consumers leave with nothing in hand
        assert left.pending == 0

        async with running(redis_url, settings, "c9", served(activation="9-0")):
            await wait_until_async(none_waits)
    verdict = verify(redis_client, streams, published(redis_client, streams))
    assert verdict.is_kept
    assert verdict.outcomes == {"prediction": sent}


def _publish_until(wanted: int, client: redis.Redis, streams: Streams, publish: Callable[[], None]) -> bool:
    """Publish until so many consumers have answered."""
    by = Counter(answer["data"]["model"]["activation"] for answer in answers(client, streams.predictions))
    if len(by) < wanted:
        publish()
    return len(by) >= wanted
