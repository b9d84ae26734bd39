"""A session lasts as long as its key and its time, and permits what the key permits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis

from console.sessions import Sessions
from operations.keys import KeyRing, add_key, revoke_key
from schemas.streams import Streams
from transport.connection import connect_async


@pytest.fixture
async def ring(redis_url: str, streams: Streams) -> AsyncIterator[KeyRing]:
    async with connect_async(redis_url) as client:
        yield KeyRing(client, streams, is_on_loopback=False)


async def test_a_session_ends_with_its_key(ring: KeyRing, redis_client: redis.Redis, streams: Streams) -> None:
    key = add_key(redis_client, streams, "ana", "operator")
    await ring.read()
    sessions = Sessions({"housing": ring}, 60)
    token = sessions.open(key.encode())
    assert token is not None
    assert sessions.caller(token, "housing") == ring.find(key.encode())
    assert sessions.caller(token[:-1], "housing") is None
    assert sessions.caller(None, "housing") is None
    revoke_key(redis_client, streams, "ana")
    await ring.read()
    assert sessions.caller(token, "housing") is None


async def test_a_session_ends_by_time_and_by_hand(ring: KeyRing, redis_client: redis.Redis, streams: Streams) -> None:
    key = add_key(redis_client, streams, "ana", "operator").encode()
    await ring.read()
    over = Sessions({"housing": ring}, 0)
    assert over.caller(over.open(key), "housing") is None
    sessions = Sessions({"housing": ring}, 60)
    token = sessions.open(key)
    assert token is not None
    sessions.close(token)
    assert sessions.caller(token, "housing") is None


async def test_an_unknown_key_opens_nothing(ring: KeyRing) -> None:
    await ring.read()
    assert Sessions({"housing": ring}, 60).open(b"tsd_guess") is None


async def test_a_second_key_is_added_and_the_operator_counts(
    ring: KeyRing, redis_client: redis.Redis, streams: Streams
) -> None:
    keys = [
        add_key(redis_client, streams, "shop", "client").encode(),
        add_key(redis_client, streams, "ana", "operator").encode(),
    ]
    await ring.read()
    sessions = Sessions({"housing": ring}, 60)
    first = sessions.open(keys[0])
    assert first is not None
    second = sessions.open(keys[1], first)
    caller = sessions.caller(second, "housing")
    assert caller is not None
    assert caller.name == "ana"
    assert sessions.caller(first, "housing") is None
