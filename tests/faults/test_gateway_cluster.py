"""A gateway in front of shards on a cluster: one without a node is refused, and the others are answered."""

from __future__ import annotations

import pytest

from schemas.shards import listing_key, split_entry
from tests.consumer.harness import ROW
from tests.gateway.system import consuming, gateway_settings, serving, timed
from tests.redis_cluster import RedisCluster
from tests.sharding import set_shards
from tests.waiting import wait_until
from transport.connection import connect

pytestmark = pytest.mark.cluster
SHARDS = 3
SOURCE = "gateway/local"


def in_shard(shard: int, name: str) -> str:
    """The id of a listing that the gateway publishes to a shard."""
    numbered = (f"{name}-{number}" for number in range(1000))
    return next(each for each in numbered if listing_key(None, SOURCE, each) % SHARDS == shard)


def test_a_shard_without_a_node_is_refused_and_the_others_are_answered(lone_masters: RedisCluster) -> None:
    cluster = lone_masters
    settings = gateway_settings(cluster.url, "{gateway}")
    streams = settings.streams
    with connect(cluster.url) as client:
        shards = set_shards(client, streams, SHARDS)
    first = cluster.owner(streams.listings)
    lost = next(number for number in range(SHARDS) if cluster.owner(shards[number].listings) is not first)
    master = cluster.owner(shards[lost].listings)
    kept = [number for number in range(SHARDS) if cluster.owner(shards[number].listings) is not master]
    with consuming(cluster.url, settings), serving([settings]) as gateway:
        for shard in range(SHARDS):
            reply = gateway.post("/predict", {"id": in_shard(shard, "before"), **ROW})
            assert (reply.status, split_entry(reply.json["entry"])[0]) == (200, shard)
        master.kill()
        waiting = {"id": in_shard(lost, "away"), **ROW}
        refused, seconds = timed(gateway, waiting)
        assert (refused.status, refused.json["reason"]) == (503, "redis_away")
        assert seconds < 5
        for shard in kept:
            reply = gateway.post("/predict", {"id": in_shard(shard, "away"), **ROW})
            assert (reply.status, split_entry(reply.json["entry"])[0]) == (200, shard)
        master.start()
        wait_until(
            lambda: gateway.post("/predict", waiting).status == 200,
            30,
            "its shard is answered again",
        )
