"""Stored features lie on all nodes of a cluster, and a listing waits for those that it lacks, wherever they are."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.consumer import Consumer
from producer import FeatureWriter
from schemas.settings import Settings
from schemas.stored_features import StoredFeatures
from schemas.streams import Streams
from tests.consumer.harness import ROW, Client, answers, outcomes, publish, running, settings_for
from tests.faults.harness import wait_for
from tests.redis_cluster import RedisCluster, ask
from tests.redis_server import RedisServer
from tests.waiting import wait_until_async
from transport.connection import connect
from transport.slots import slot_of_key

pytestmark = pytest.mark.cluster
SUBJECTS = [f"property-{number}" for number in range(60)]
SLOWEST_S = 30


def stored_on(cluster: RedisCluster, prefix: str) -> Streams:
    """The keys of a domain whose properties all have stored features, also on the replicas."""
    streams = Streams(prefix)
    with FeatureWriter(Settings(prefix=prefix, redis_url=cluster.url)) as writer:
        assert writer.put_many(StoredFeatures(subject, ROW, at=None) for subject in SUBJECTS) == len(SUBJECTS)
    wait_for(lambda: _keys(cluster.nodes) == 2 * _keys(cluster.masters()), "replicas have the features")
    return streams


def lacking(name: str, subjects: Sequence[str]) -> list[bytes]:
    """A listing for each property, with nothing but its subject."""
    return [json.dumps({"id": f"{name}-{each}", "subject": each, "data": {}}).encode() for each in subjects]


def stored(client: Client, streams: Streams) -> list[Any]:
    """What each prediction took from the store."""
    return [each["data"].get("stored") for each in answers(client, streams.predictions)]


def failed(consumer: Consumer) -> float:
    return consumer.registry.get_sample_value("tasador_feature_lookups_total", {"result": "failed"}) or 0


def subject_of(cluster: RedisCluster, streams: Streams, other: RedisServer) -> str:
    """A property whose features are on another node than this one."""
    return next(each for each in SUBJECTS if cluster.owner(streams.features(each)) is not other)


def lookups_by_port(cluster: RedisCluster, streams: Streams) -> Counter[int]:
    """How many properties have their features on which node."""
    ranges = [(first, last, node[1]) for first, last, node, *_ in ask(cluster.nodes[0], "CLUSTER", "SLOTS")]
    slots = [slot_of_key(streams.features(each)) for each in SUBJECTS]
    return Counter(port for slot in slots for first, last, port in ranges if first <= slot <= last)


async def test_features_of_a_batch_come_from_all_nodes_at_once(cluster: RedisCluster) -> None:
    streams = stored_on(cluster, "{spread}")
    lookups = lookups_by_port(cluster, streams)
    assert set(lookups) == {master.port for master in cluster.masters()}
    with connect(cluster.url) as client:
        for master in cluster.masters():
            ask(master, "CONFIG", "RESETSTAT")
        publish(client, streams, lacking("l", SUBJECTS))
        async with running(cluster.url, settings_for(streams.prefix)) as consumer:
            await wait_until_async(lambda: client.xlen(streams.predictions) == len(SUBJECTS))
            assert failed(consumer) == 0
        assert stored(client, streams) == [ROW] * len(SUBJECTS)
        for master in cluster.masters():
            # and a few of other hashes
            assert lookups[master.port] <= _lookups_on(master) < lookups[master.port] + 40


async def test_slots_of_features_moved_under_load(cluster: RedisCluster) -> None:
    """Neither a slot between two nodes nor one that has moved costs a listing its features."""
    streams = stored_on(cluster, "{moved}")
    subject = SUBJECTS[0]
    slot = slot_of_key(streams.features(subject))
    rounds = 0

    with connect(cluster.url) as client:

        async def answer_more() -> None:
            nonlocal rounds
            rounds += 1
            publish(client, streams, lacking(f"l-{rounds}", SUBJECTS[:20]))
            await wait_until_async(lambda: client.xlen(streams.predictions) == rounds * 20)

        async with running(cluster.url, settings_for(streams.prefix)) as consumer:
            await answer_more()
            for _ in range(2):
                source = cluster.owner(streams.features(subject))
                target = next(node for node in cluster.masters() if node is not source)
                cluster.open_move(slot, target)
                await answer_more()
                assert cluster.move_keys(slot, source, target) >= 1
                await answer_more()  # ASK
                cluster.close_move(slot, source, target)
                await answer_more()  # MOVED
                assert cluster.owner(streams.features(subject)) is target
            assert failed(consumer) == 0
        assert stored(client, streams) == [ROW] * 20 * rounds


async def test_a_batch_waits_for_features_whose_master_was_killed(cluster: RedisCluster) -> None:
    """Its listings are answered with their features once a replica has taken over, and none is refused meanwhile."""
    streams = stored_on(cluster, "{away}")
    subject = subject_of(cluster, streams, cluster.owner(streams.listings))
    former = cluster.owner(streams.features(subject))
    with connect(cluster.url) as client:
        async with running(cluster.url, settings_for(streams.prefix)) as consumer:
            entries = publish(client, streams, lacking("before", SUBJECTS))
            await wait_until_async(lambda: len(outcomes(client, streams)) == len(SUBJECTS))
            former.kill()
            others = [each for each in SUBJECTS[:6] if each != subject]
            entries += publish(client, streams, lacking("meanwhile", [subject, *others]))
            await wait_until_async(lambda: any(each.startswith("redis") for each in consumer.health.reasons))
            assert len(outcomes(client, streams)) == len(SUBJECTS), "no listing of the batch was answered"
            await wait_until_async(lambda: len(outcomes(client, streams)) == len(entries), SLOWEST_S)
            assert cluster.owner(streams.features(subject)) is not former
            assert failed(consumer) == 0
            await asyncio.to_thread(former.start)
        assert outcomes(client, streams) == dict.fromkeys(entries, 1)
        assert client.xlen(streams.dead_letters) == 0
        assert stored(client, streams) == [ROW] * len(entries)


def test_features_are_found_and_removed_on_all_nodes(cluster: RedisCluster) -> None:
    streams = stored_on(cluster, "{removed}")
    with FeatureWriter(Settings(prefix=streams.prefix, redis_url=cluster.url)) as writer:
        assert set(writer.subjects()) == set(SUBJECTS)
        assert writer.get("property-7") is not None
        assert writer.expire(SUBJECTS[:20]) == 20
        assert writer.get("property-7") is None
        assert writer.expire_older(datetime.now(UTC) + timedelta(seconds=1)) == 40
        assert list(writer.subjects()) == []


def _lookups_on(node: RedisServer) -> int:
    with connect(node.url) as client:
        stats: Any = client.info("commandstats")
    return int(stats["cmdstat_hmget"]["calls"])


def _keys(nodes: Sequence[RedisServer]) -> int:
    return sum(ask(node, "DBSIZE") for node in nodes)
