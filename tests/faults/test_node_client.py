"""The client for Node.js publishes and reads on a cluster, and by Sentinels, before a failover and after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.consumer.harness import running, settings_for
from tests.node_example import check_answers, node_client
from tests.redis_cluster import RedisCluster
from tests.waiting import wait_until_async
from tests.watched_redis import WatchedRedis
from transport.connection import connect

__all__ = ["node_client"]

pytestmark = [pytest.mark.cluster]
SHARDS = 3


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedRedis]:
    watched = WatchedRedis(tmp_path / "watched")
    watched.start()
    yield watched
    watched.stop()


async def test_listings_go_to_shards_on_several_nodes_of_a_cluster(
    node_client: Path, lone_masters: RedisCluster, tmp_path: Path
) -> None:
    cluster, streams = lone_masters, Streams("{node}")
    assert len({cluster.owner(streams.of_shard(number).listings).port for number in range(SHARDS)}) > 1
    async with running(cluster.url, settings_for(streams.prefix, shards=SHARDS)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == SHARDS)
        with connect(cluster.url) as client:
            # it needs one node to find the others
            await check_answers(node_client, cluster.url_at(2), client, streams, SHARDS, tmp_path)


async def test_listings_go_to_the_master_that_sentinels_name(
    node_client: Path, watched: WatchedRedis, tmp_path: Path
) -> None:
    watched.kill_sentinel(0)
    await _check(node_client, watched, "before", tmp_path)
    watched.fail_over()
    await _check(node_client, watched, "after", tmp_path)


async def _check(node_client: Path, watched: WatchedRedis, prefix: str, folder: Path) -> None:
    async with running(watched.url, settings_for(prefix)) as consumer:
        await wait_until_async(lambda: len(consumer.flows) == 1)
        # Sentinels go on naming the former master for a moment, which this client would read
        with connect(watched.master.url) as client:
            await check_answers(node_client, watched.url, client, Streams(prefix), 1, folder)
