"""The backlog is right without a group, while a group reads, and after trimming, with or without a lag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from schemas.streams import MONITORS, SCORERS, Streams
from tests.conftest import StartRedis
from transport.backlog import Backlog, read_backlog, read_backlog_async
from transport.connection import connect, connect_async


@pytest.fixture(params=["the session's server", "6.2, which reports no lag"])
def client(request: pytest.FixtureRequest, private_redis: StartRedis) -> Iterator[redis.Redis]:
    if request.param == "the session's server":
        session_client: redis.Redis = request.getfixturevalue("redis_client")
        yield session_client
    else:
        with connect(private_redis(binary=request.getfixturevalue("redis_6_2")).url) as old:
            yield old


def _publish(client: redis.Redis, streams: Streams, count: int) -> None:
    for _ in range(count):
        client.xadd(streams.listings, {"data": "{}"})


def _read(client: redis.Redis, streams: Streams, count: int) -> list[bytes]:
    reply: Any = client.xreadgroup(SCORERS, "c1", {streams.listings: ">"}, count=count)
    return [entry_id for _, entries in reply for entry_id, _ in entries]


def _answer(client: redis.Redis, streams: Streams, ids: list[bytes]) -> None:
    acknowledged = client.xack(streams.listings, SCORERS, *ids)
    client.hincrby(streams.progress, "answered", acknowledged)


def _trim(client: redis.Redis, streams: Streams, first_kept: bytes) -> None:
    client.hincrby(streams.progress, "trimmed", client.xtrim(streams.listings, minid=first_kept, approximate=False))


def _counts(client: redis.Redis, streams: Streams) -> tuple[int, int, int]:
    backlog = read_backlog(client, streams)
    return backlog.undelivered, backlog.pending, backlog.total


def test_there_is_none_before_the_first_listing(client: redis.Redis, streams: Streams) -> None:
    assert read_backlog(client, streams) == Backlog(0, 0, is_exact=True)


def test_everything_is_undelivered_before_there_is_a_group(client: redis.Redis, streams: Streams) -> None:
    _publish(client, streams, 3)
    assert read_backlog(client, streams) == Backlog(3, 0, is_exact=True)
    client.xgroup_create(streams.listings, MONITORS, id="0")
    assert read_backlog(client, streams) == Backlog(3, 0, is_exact=True)


def test_it_is_right_after_reads_answers_and_trims(client: redis.Redis, streams: Streams) -> None:
    _publish(client, streams, 10)
    client.xgroup_create(streams.listings, SCORERS, id="0")
    assert _counts(client, streams) == (10, 0, 10)
    ids = _read(client, streams, 6)
    assert _counts(client, streams) == (4, 6, 10)
    _answer(client, streams, ids[:4])
    assert _counts(client, streams) == (4, 2, 6)
    _trim(client, streams, first_kept=ids[3])
    assert _counts(client, streams) == (4, 2, 6)
    _publish(client, streams, 5)
    assert _counts(client, streams) == (9, 2, 11)
    ids = ids[4:] + _read(client, streams, 100)
    assert _counts(client, streams) == (0, 11, 11)
    _answer(client, streams, ids)
    assert _counts(client, streams) == (0, 0, 0)
    _trim(client, streams, first_kept=b"9999999999999-0")
    assert _counts(client, streams) == (0, 0, 0)
    _publish(client, streams, 1)
    assert _counts(client, streams) == (1, 0, 1)


def test_a_group_made_before_the_stream_has_no_backlog(client: redis.Redis, streams: Streams) -> None:
    client.xgroup_create(streams.listings, SCORERS, id="0", mkstream=True)
    assert _counts(client, streams) == (0, 0, 0)


def test_it_says_whether_the_server_reports_a_lag(client: redis.Redis, streams: Streams) -> None:
    _publish(client, streams, 3)
    client.xgroup_create(streams.listings, SCORERS, id="0")
    has_lag = "lag" in client.xinfo_groups(streams.listings)[0]
    assert read_backlog(client, streams).is_exact is has_lag


def test_a_lag_lost_to_a_deleted_entry_is_replaced_by_the_counts(client: redis.Redis, streams: Streams) -> None:
    _publish(client, streams, 4)
    client.xgroup_create(streams.listings, SCORERS, id="0")
    _answer(client, streams, _read(client, streams, 2))
    entries: Any = client.xrange(streams.listings)
    client.xdel(streams.listings, entries[2][0])
    group = client.xinfo_groups(streams.listings)[0]
    assert group.get("lag") is None, "the server still reports a lag: the fault did not happen"
    assert read_backlog(client, streams) == Backlog(1, 0, is_exact=False)


async def test_the_asynchronous_function_returns_the_same(
    redis_client: redis.Redis, redis_url: str, streams: Streams
) -> None:
    _publish(redis_client, streams, 3)
    redis_client.xgroup_create(streams.listings, SCORERS, id="0")
    _read(redis_client, streams, 2)
    async with connect_async(redis_url) as client:
        assert await read_backlog_async(client, streams) == read_backlog(redis_client, streams)
