"""A pipelined connection sends a command at once, and receives its reply later."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import redis
import uvloop

from schemas.streams import Streams
from transport.connection import connect_async
from transport.pipelined_connection import PipelinedConnection


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("size", [10, 60_000])
def test_a_command_is_sent_when_send_returns(
    redis_client: redis.Redis, redis_url: str, streams: Streams, run: object, size: int
) -> None:
    """Redis executes the command even if the sender blocks the event loop afterwards."""

    async def send() -> bool:
        client = connect_async(redis_url)
        connection = PipelinedConnection(client, streams.progress)
        await connection.send("SET", streams.progress, "x" * size)
        give_up_s = time.monotonic() + 10
        # without yielding to the event loop
        while not (has_left := bool(redis_client.exists(streams.progress))) and time.monotonic() < give_up_s:
            pass
        await connection.receive()
        await connection.close()
        await client.aclose()
        return has_left

    assert callable(run)
    assert run(send())


async def _send_after_reset(redis_url: str, match: str) -> object:
    """Reset a connection and check that sending on it raises this error; returns the answer to the next command."""
    client = connect_async(redis_url)
    connection = PipelinedConnection(client, "key")
    await connection.ask("PING")
    raw: Any = connection._connection
    raw._writer.transport.abort()
    await asyncio.sleep(0)
    with pytest.raises(redis.ConnectionError, match=match):
        await connection.ask("PING")
    answer = await connection.ask("PING")
    await connection.close()
    await client.aclose()
    return answer


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_was_reset_unseen_is_a_connection_error(redis_url: str, run: object) -> None:
    """Writing to it raises AttributeError or RuntimeError, depending on the loop; the next command reconnects."""

    send = _send_after_reset(redis_url, "closed before the command was sent")
    assert callable(run)
    assert run(send) == b"PONG"


def test_a_connection_that_uvloop_finds_closed_while_it_writes_is_a_connection_error(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PipelinedConnection, "_is_reset", False)

    send = _send_after_reset(redis_url, "closed=True")
    assert uvloop.run(send) == b"PONG"
