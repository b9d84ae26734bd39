"""Addresses of Sentinels, and clients that follow the master."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis.exceptions
from prometheus_client import CollectorRegistry

from producer.publisher import ListingPublisher
from schemas.errors import ConfigurationError, PublishInterruptedError, RedisUnavailableError
from service.broker import build_broker
from tests.consumer.harness import event
from tests.waiting import wait_until, wait_until_async
from tests.watched_redis import MASTER, WatchedRedis
from transport.address import (
    master_of,
    node_options,
    nodes_of,
    passwords_of,
    sentinel_options,
    without_credentials,
    without_password,
)
from transport.connection import connect, connect_async, is_transient, speaking_to
from transport.pipelined_connection import PipelinedConnection
from transport.sentinel import is_former_master

URL = "rediss+sentinel://own:p%40w@s1,[::1]:27000/main/2?ssl_cert_reqs=none&sentinel_username=s&sentinel_password=t%26u"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRedis]:
    watched = WatchedRedis(tmp_path_factory.mktemp("sentinel"))
    watched.start()
    yield watched
    watched.stop()


def test_an_address_names_sentinels_master_database_and_both_users() -> None:
    tls = {"ssl": True, "ssl_cert_reqs": "none"}
    assert nodes_of(URL) == [("s1", 26379), ("::1", 27000)]
    assert master_of(URL) == "main"
    assert node_options(URL) == {"username": "own", "password": "p@w", "db": 2} | tls
    assert sentinel_options(URL) == {"username": "s", "password": "t&u"} | tls
    assert node_options("redis+sentinel://s1/main") == {}
    assert sentinel_options("redis+sentinel://s1/main") == {}


def test_an_address_is_shown_without_its_passwords() -> None:
    assert without_password(URL) == (
        "rediss+sentinel://own:***@s1,[::1]:27000/main/2?ssl_cert_reqs=none&sentinel_username=s&sentinel_password=***"
    )
    assert passwords_of(URL) == {"p%40w", "p@w", "t&u"}
    assert without_credentials(URL) == "rediss+sentinel://s1,[::1]:27000/main/2"


@pytest.mark.parametrize(
    "url",
    [
        *("redis+sentinel://s1", "redis+sentinel://s1/", "redis+sentinel:///main", "redis+sentinel://s1,/main"),
        *("redis+sentinel://s1:x/main", "redis+sentinel://s1/main/x", "redis+sentinel://s1/main/0/0"),
        *("redis+cluster://", "redis+cluster://n1,", "redis+cluster://n1/1", "redis+cluster://n1:70000"),
        *("redis+sentinel://:hunter2/x@s1/main", "redis+elsewhere://s1/main", "redis://s1,s2"),
    ],
)
def test_an_address_that_is_none_is_refused_in_one_line(url: str) -> None:
    for open_client in (connect, connect_async):
        with pytest.raises(ConfigurationError, match=r"^'.+' is no Redis URL: ") as caught:
            open_client(url)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://s1?sentinel_password=hunter2", "option sentinel_password is for Sentinel: use redis.sentinel://"),
        ("redis+sentinel://s1/main?ssl_cert_reqs=none", "ssl_cert_reqs is for TLS: use rediss.sentinel://"),
        ("redis+cluster://n1?ssl_cert_reqs=none", "ssl_cert_reqs is for TLS: use rediss.cluster://"),
        ("redis+cluster://n1?db=1", "the option db must be 0: a cluster has one database"),
    ],
)
def test_an_option_that_does_not_fit_the_address_is_refused(url: str, problem: str) -> None:
    for open_client in (connect, connect_async):
        with pytest.raises(ConfigurationError, match=problem) as caught:
            open_client(url)
        assert "hunter2" not in str(caught.value)


def test_sentinels_that_are_away_or_know_no_master_are_named(watched: WatchedRedis) -> None:
    port = watched.sentinel_ports[0]
    url = f"redis+sentinel://own:hunter2@127.0.0.1:1,127.0.0.1:{port}/other"
    with pytest.raises(RedisUnavailableError) as caught, speaking_to(url), connect(url) as client:
        client.ping()
    message = str(caught.value)
    assert message.startswith(
        f"Redis at redis+sentinel://own:***@127.0.0.1:1,127.0.0.1:{port}/other does not answer: no master 'other': "
        "Sentinel 127.0.0.1:1: Error 111"
    )
    assert message.endswith(f"; Sentinel 127.0.0.1:{port}: No such master with that name")
    assert "\n" not in message


async def test_the_broker_of_commands_and_events_finds_the_master(watched: WatchedRedis) -> None:
    broker = build_broker(watched.url, CollectorRegistry())
    assert broker.specification.url == [watched.url]
    async with broker:
        await broker.publish("command", stream="commands")
    with connect(watched.master.url) as client:
        assert client.xlen("commands") == 1


@pytest.mark.parametrize("code", ["READONLY", "NOREPLICAS", "MASTERDOWN"])
def test_answers_of_a_former_master_are_known_inside_scripts_too(code: str) -> None:
    for text in (f"{code} You", f"Error running script (call to f_4a3e): @user_script:1: @user_script: 1: -{code} You"):
        assert is_former_master(redis.exceptions.ResponseError(text))
    assert not is_former_master(redis.exceptions.ResponseError(f"no {code}"))


async def test_every_client_follows_the_master(watched: WatchedRedis) -> None:
    """Connections are open before the failover, and their first commands after it may fail; none is repeated."""

    def has_set() -> bool:
        try:
            return bool(client.set("k", "sync"))
        except redis.exceptions.RedisError as error:
            if not is_transient(error):
                raise
            return False

    def has_published() -> bool:
        try:
            return bool(publisher.publish(event("l-1")))
        except PublishInterruptedError:
            return False

    async def has_sent() -> bool:
        try:
            await pipelined.ask("SET", "k", "pipelined")
            return bool(await asynchronous.set("k", "async"))
        except redis.exceptions.RedisError as error:
            if not is_transient(error):
                raise
            return False

    former = watched.master
    with connect(watched.url) as client, ListingPublisher(watched.url, "housing") as publisher:
        async with connect_async(watched.url) as asynchronous:
            pipelined = PipelinedConnection(asynchronous, "k")
            assert has_set()
            assert has_published()
            assert await has_sent()
            master = watched.fail_over()
            assert master is not former
            wait_until(has_set, message="the client has found the new master")
            wait_until(has_published, message="the publisher has found it")
            predicate: Callable[[], bool | Awaitable[bool]] = has_sent
            await wait_until_async(predicate, message="the asynchronous client and connection have found it")
            await pipelined.close()
    with connect(master.url) as of_master:
        assert of_master.get("k") == b"async"
        assert of_master.xlen("housing:listings") >= 1
        assert MASTER in watched.url
