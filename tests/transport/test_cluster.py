"""Clients of a cluster send each command to the node that has its key, and follow redirections."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hiredis
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
from schemas.errors import PublishError, PublishInterruptedError, RedisUnavailableError, ServerError
from schemas.settings import Settings
from schemas.shards import shard_of
from schemas.streams import Streams
from service.broker import build_broker
from tests.consumer.harness import event, outcomes, publish_numbered, running, settings_for
from tests.redis_cluster import RedisCluster, ask
from tests.redis_server import RedisServer
from tests.sharding import set_shards
from tests.waiting import wait_until_async
from transport.connection import SOCKET_TIMEOUT_S, connect, connect_async, is_transient, speaking_to
from transport.pipelined_connection import PipelinedConnection
from transport.slots import SlotTable, slot_of_command, slot_of_key
from transport.spread_connection import SpreadConnection

Publisher = ListingPublisher | AsyncListingPublisher


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


def test_nodes_whose_word_led_to_errors_and_silent_ones_are_asked_last() -> None:
    """A node that is cut off from the others goes on saying that it has its slots."""
    alone, other, silent = ("h", 1), ("h", 2), ("h", 3)
    table = SlotTable([silent, alone, other])
    table.note_silence(silent)
    table.update(alone, [[0, 16_383, [b"h", 1]]])
    assert table.owner(7) == table.owner(None) == alone
    table.note(redis.exceptions.ResponseError("WRONGTYPE"))
    assert not table.is_stale, "an ordinary answer"
    table.note(redis.exceptions.ClusterDownError("CLUSTERDOWN"))
    assert table.is_stale
    assert table.nodes == [other, alone, silent]
    table.update(other, [[0, 16_383, [b"h", 2]]])
    assert table.nodes == [other, alone, silent], "until it misleads, too"
    table.note(redis.exceptions.ConnectionError("lost"))
    assert table.nodes == [alone, other, silent]


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


async def test_commands_with_keys_of_any_slots_are_answered_in_order(cluster: RedisCluster) -> None:
    keys = [f"any-{number}".encode() for number in range(20)]
    hincrby: list[tuple[Any, ...]] = [("HINCRBY", key, "times", 1) for key in keys]
    commands = [hiredis.pack_command(command) for command in hincrby]
    slot, source = slot_of_key(keys[3]), cluster.owner("any-3")
    target = other_than(cluster, source)
    async with connect_async(cluster.url) as client:
        await client.set(keys[7], "no hash")
        connection = SpreadConnection(client)

        async def ask_all() -> list[int]:
            await connection.send(keys, commands)
            replies = await connection.receive()
            assert isinstance(replies.pop(7), redis.exceptions.ResponseError)
            return replies

        assert await ask_all() == [1] * 19
        cluster.open_move(slot, target)
        assert await ask_all() == [2] * 19
        cluster.move_keys(slot, source, target)
        assert await ask_all() == [3] * 19  # ASK
        cluster.close_move(slot, source, target)
        assert await ask_all() == [4] * 19  # MOVED
        assert len(await connection.one_of_each(keys)) == 2
        await connection.close()


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


@pytest.fixture
def two_shards(cluster: RedisCluster) -> Iterator[tuple[Streams, Streams]]:
    """Two shards of a domain in different slots, which are served again afterwards."""
    streams = Streams(f"{{shards-{uuid.uuid4().hex[:8]}}}")
    shards = streams, streams.of_shard(1)
    with connect(cluster.url) as client:
        set_shards(client, streams, 2)
    owners = {slot_of_key(shard.listings): cluster.owner(shard.listings) for shard in shards}
    yield shards
    for slot, owner in owners.items():
        if not any(first <= slot <= last for first, last, *_ in ask(owner, "CLUSTER", "SLOTS")):
            ask(owner, "CLUSTER", "ADDSLOTS", slot)


def take_slot_away(cluster: RedisCluster, key: str) -> int:
    slot = slot_of_key(key)
    for node in cluster.nodes:
        ask(node, "CLUSTER", "DELSLOTS", slot)
    return slot


async def publish_with(kind: type[Publisher], settings: Settings, payloads: Sequence[bytes]) -> list[str]:
    publisher = kind(settings)
    if isinstance(publisher, AsyncListingPublisher):
        async with publisher:
            return await publisher.publish_many(payloads)
    with publisher:
        return publisher.publish_many(payloads)


@pytest.mark.parametrize("kind", [ListingPublisher, AsyncListingPublisher])
async def test_a_shard_that_no_node_serves_refuses_its_own_listings_alone(
    cluster: RedisCluster, two_shards: tuple[Streams, Streams], kind: type[Publisher]
) -> None:
    first, second = two_shards
    settings = Settings(prefix=first.prefix, redis_url=cluster.url)
    payloads = [event(f"l-{number}") for number in range(40)]
    own = {shard: [payload for payload in payloads if shard_of(payload, 2) == shard.shard] for shard in two_shards}
    take_slot_away(cluster, second.listings)
    entries = await publish_with(kind, settings, own[first])
    with connect(cluster.url) as client:
        assert client.xlen(first.listings) == len(entries) == len(own[first])
    with pytest.raises(PublishInterruptedError, match=r"does not accept listings now: .*(served|serves)") as caught:
        await publish_with(kind, settings, [*own[first][:3], *own[second][:2]])
    assert "\n" not in str(caught.value)
    assert list(caught.value.unconfirmed) == own[second][:2]
    assert len(caught.value.entry_ids) == 3


@pytest.mark.parametrize("kind", [ListingPublisher, AsyncListingPublisher])
async def test_nothing_is_published_while_no_node_serves_the_keys_of_the_domain(
    cluster: RedisCluster, two_shards: tuple[Streams, Streams], kind: type[Publisher]
) -> None:
    """How many shards there are stands there; what is known of it may be trusted for a second only."""
    first, second = two_shards
    settings = Settings(prefix=first.prefix, redis_url=cluster.url)
    take_slot_away(cluster, first.listings)
    payloads = [event(f"l-{number}") for number in range(10)]
    with pytest.raises(PublishInterruptedError, match=r"does not accept listings now: .*(served|serves)") as caught:
        await publish_with(kind, settings, payloads)
    assert "\n" not in str(caught.value)
    assert list(caught.value.unconfirmed) == payloads
    with connect(cluster.url) as client:
        assert not client.exists(second.listings)


async def test_a_consumer_that_starts_while_a_shard_has_no_node_answers_the_others(
    cluster: RedisCluster, two_shards: tuple[Streams, Streams]
) -> None:
    first, second = two_shards
    owner = cluster.owner(second.listings)
    slot = take_slot_away(cluster, second.listings)
    with connect(cluster.url) as client:
        async with running(cluster.url, settings_for(first.prefix)) as consumer:
            (entry,) = publish_numbered(client, first, 1)
            await wait_until_async(lambda: outcomes(client, first) == {entry: 1})
            assert any(reason.startswith("redis of shard 1: ") for reason in consumer.health.reasons)
            ask(owner, "CLUSTER", "ADDSLOTS", slot)
            with connect(owner.url) as direct:  # the other node learns of it later
                (entry,) = publish_numbered(direct, second, 1)
                await wait_until_async(lambda: outcomes(direct, second) == {entry: 1})
            await wait_until_async(lambda: not consumer.health.reasons)


async def test_a_node_that_accepts_connections_and_is_silent_is_given_up_soon(cluster: RedisCluster) -> None:
    owner = cluster.owner("silent")
    begin_s = time.monotonic()
    async with connect_async(cluster.url) as client:
        connection = PipelinedConnection(client, "silent")
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            with pytest.raises(redis.exceptions.TimeoutError, match=f"127.0.0.1:{owner.port} did not answer for 1 s"):
                await connection.send("GET", "silent")
        finally:
            os.kill(owner.pid, signal.SIGCONT)
        await connection.close()
    assert time.monotonic() - begin_s < SOCKET_TIMEOUT_S
    await wait_until_async(cluster.is_replicated)


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


@pytest.mark.parametrize("command", ["status", "gateway", "publish --sample 5", "consumer"])
def test_a_command_with_a_prefix_without_a_hash_tag_ends_with_exit_code_78(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_REDIS_URL", cluster.url)
    called = [sys.executable, "-m", "tasador", *command.split()]
    done = subprocess.run(called, capture_output=True, text=True, timeout=200, check=False)
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
