"""Clients of a cluster send each command to the node that has its key, and follow redirections."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import redis.exceptions
from prometheus_client import CollectorRegistry

from gateway.problems import HttpProblemError
from gateway.request_limit import RequestLimit
from producer.async_publisher import AsyncListingPublisher
from producer.feature_writer import FeatureWriter
from producer.outcomes import OutcomePublisher
from producer.publisher import ListingPublisher
from schemas.errors import PublishError, RedisUnavailableError, ServerError
from schemas.settings import Settings
from schemas.streams import Streams
from service.broker import build_broker
from tests.consumer.harness import event, outcomes, publish_numbered, running, settings_for
from tests.redis_cluster import RedisCluster, ask
from tests.redis_server import RedisServer
from tests.waiting import wait_until_async
from transport.connection import connect, connect_async, is_transient, speaking_to
from transport.pipelined_connection import PipelinedConnection
from transport.slots import slot_of_command, slot_of_key


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"), 2)
    cluster.start()
    yield cluster
    cluster.stop()


def other_than(cluster: RedisCluster, node: RedisServer) -> RedisServer:
    return next(each for each in cluster.nodes if each is not node)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("XADD", "{a}:listings", "*", "data", b"STREAMS"), "a"),
        (("XREAD", "COUNT", 1, b"STREAMS", "{a}:x", "0"), "a"),
        (("XREADGROUP", "GROUP", "g", "c", "STREAMS", b"{a}:x", ">"), "a"),
        (("XINFO GROUPS", "{a}:x"), "a"),
        (("XGROUP CREATE", "{a}:x", "g", "0"), "a"),
        (("EVALSHA", "0" * 40, 2, b"{a}:x", "{a}:y", "z"), "a"),
    ],
)
def test_the_first_key_of_a_command_decides_its_slot(command: tuple[object, ...], key: str) -> None:
    assert slot_of_command(command) == slot_of_key(key)


@pytest.mark.parametrize("command", [("PING",), ("TIME",), ("ACL DRYRUN", "u", "XADD", "k"), ("EVAL", "return 1", 0)])
def test_a_command_without_a_key_has_no_slot(command: tuple[object, ...]) -> None:
    assert slot_of_command(command) is None


async def test_a_start_at_any_node_reaches_every_key(cluster: RedisCluster) -> None:
    for url in (cluster.url_at(0), cluster.url_at(1), cluster.url_at(1).replace("//", "//127.0.0.1:1,")):
        with connect(url) as client:
            for number in range(8):
                client.set(f"key-{number}", number)
            pipeline = client.pipeline(transaction=False)
            for number in range(8):
                pipeline.get(f"key-{number}")
            assert pipeline.execute() == [str(number).encode() for number in range(8)]
            assert {f"key-{number}".encode() for number in range(8)} <= set(client.scan_iter("key-*"))
        async with connect_async(url) as asynchronous:
            queued = asynchronous.pipeline(transaction=False)
            for number in range(8):
                queued.get(f"key-{number}")
            assert await queued.execute() == [str(number).encode() for number in range(8)]
    assert {cluster.owner(f"key-{number}").port for number in range(8)} == {node.port for node in cluster.nodes}


async def test_redirections_are_followed(cluster: RedisCluster) -> None:
    slot, source = slot_of_key("{r}"), cluster.owner("{r}")
    target = other_than(cluster, source)
    async with connect_async(cluster.url) as client:
        with connect(cluster.url) as synchronous:
            connection = PipelinedConnection(client, "{r}")
            await connection.ask("SET", "{r}:old", 1)
            assert synchronous.get("{r}:old") == b"1"
            cluster.open_move(slot, target)
            assert await connection.ask("GET", "{r}:old") == b"1"
            assert await connection.ask("INCR", "{r}:asked") == 1  # ASK
            assert await client.incr("{r}:asked") == 2
            assert synchronous.incr("{r}:asked") == 3
            with pytest.raises(redis.exceptions.TryAgainError) as caught:
                await connection.ask("MGET", "{r}:old", "{r}:asked")
            assert is_transient(caught.value)
            cluster.move_keys(slot, source, target)
            cluster.close_move(slot, source, target)
            assert await connection.ask("INCR", "{r}:asked") == 4  # MOVED
            assert await client.incr("{r}:asked") == 5
            assert synchronous.incr("{r}:asked") == 6
            await connection.close()
    assert ask(target, "GET", "{r}:asked") == b"6"


async def test_publishers_follow_a_slot_that_moves(cluster: RedisCluster) -> None:
    streams = Streams("{p}")
    slot, source = slot_of_key(streams.prefix), cluster.owner(streams.prefix)
    target = other_than(cluster, source)
    settings = Settings(prefix=streams.prefix, redis_url=cluster.url, high_water=1_000_000)
    entries: list[str] = []
    with ListingPublisher(settings) as publisher:
        async with AsyncListingPublisher(settings) as asynchronous:
            for step in range(3):
                entries += publisher.publish_many(event(f"a-{step}-{number}") for number in range(5))
                entries += await asynchronous.publish_many([event(f"b-{step}-{number}") for number in range(5)])
                if step == 0:
                    cluster.open_move(slot, target)
                    cluster.move_keys(slot, source, target)
                elif step == 1:
                    cluster.close_move(slot, source, target)
    assert [entry_id.decode() for entry_id, _ in ask(target, "XRANGE", streams.listings, "-", "+")] == entries
    assert len(entries) == 30


async def test_a_consumer_goes_on_where_its_slot_moves_to(cluster: RedisCluster) -> None:
    streams = Streams("{c}")
    target = other_than(cluster, cluster.owner(streams.prefix))
    with connect(cluster.url) as client:
        async with running(cluster.url, settings_for(streams.prefix)):
            first = publish_numbered(client, streams, 20)
            await wait_until_async(lambda: len(outcomes(client, streams)) == 20)
            assert cluster.move(slot_of_key(streams.prefix), target) > 5
            second = publish_numbered(client, streams, 20, first=20)
            await wait_until_async(lambda: len(outcomes(client, streams)) == 40)
        assert outcomes(client, streams) == dict.fromkeys(first + second, 1)


async def test_a_cluster_that_is_not_complete_is_a_transient_error(cluster: RedisCluster) -> None:
    key = "{incomplete}"
    slot = slot_of_key(key)
    owner = cluster.owner(key)
    for node in cluster.nodes:
        ask(node, "CLUSTER", "DELSLOTS", slot)
    message = f"does not answer: .*(not served|no node serves slot {slot})"
    try:
        caught = pytest.raises(RedisUnavailableError, match=message)
        with caught as error, speaking_to(cluster.url), connect(cluster.url) as client:
            client.get(key)
        assert "\n" not in str(error.value)
        async with connect_async(cluster.url) as asynchronous:
            with pytest.raises(redis.exceptions.ClusterDownError) as down:
                await PipelinedConnection(asynchronous, key).ask("GET", key)
        assert is_transient(down.value)
    finally:
        ask(owner, "CLUSTER", "ADDSLOTS", slot)


def test_a_plain_address_of_a_node_says_which_one_to_use(cluster: RedisCluster) -> None:
    streams = Streams("{plain}")
    node = other_than(cluster, cluster.owner(streams.prefix))
    settings = Settings(prefix=streams.prefix, redis_url=node.url)
    message = "is a node of a cluster: use redis\\+cluster://"
    with pytest.raises(ServerError, match=message), speaking_to(node.url), connect(node.url) as client:
        client.xlen(streams.listings)
    with ListingPublisher(settings) as publisher, pytest.raises(PublishError, match=message):
        publisher.publish(event("l-1"))


@pytest.mark.parametrize("publisher", [ListingPublisher, OutcomePublisher, FeatureWriter])
def test_nothing_is_published_under_a_prefix_without_a_hash_tag(
    cluster: RedisCluster, publisher: Callable[[Settings], object]
) -> None:
    with pytest.raises(ServerError, match=r"the prefix 'housing' has no hash tag: set TASADOR_PREFIX=\{housing\}"):
        publisher(Settings(redis_url=cluster.url))


def test_a_command_with_a_prefix_without_a_hash_tag_ends_with_exit_code_78(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_REDIS_URL", cluster.url)
    command = [sys.executable, "-m", "tasador", "status"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "the prefix 'housing' has no hash tag: set TASADOR_PREFIX={housing}" in done.stderr


async def test_the_broker_of_commands_and_events_finds_the_node(cluster: RedisCluster) -> None:
    broker = build_broker(cluster.url, CollectorRegistry())
    assert broker.specification.url == [cluster.url]
    async with broker:
        for prefix in ("{x}", "{y}", "{z}"):
            await broker.publish("command", stream=Streams(prefix).commands)
    with connect(cluster.url) as client:
        assert [client.xlen(Streams(prefix).commands) for prefix in ("{x}", "{y}", "{z}")] == [1, 1, 1]


async def test_requests_over_http_are_counted_on_the_node_that_has_their_counter(cluster: RedisCluster) -> None:
    async with connect_async(cluster.url) as client:
        limit = RequestLimit(client, Streams("{limit}"), 2)
        for name in ("a", "a", "b", "b"):
            await limit.count(name)
        for name in ("a", "b"):
            with pytest.raises(HttpProblemError):
                await limit.count(name)
