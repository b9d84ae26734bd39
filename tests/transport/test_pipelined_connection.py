"""A pipelined connection sends a command at once, and receives its reply later."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import redis
import uvloop

from schemas.streams import Streams
from tests.waiting import wait_until_async
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


async def _reset(connection: PipelinedConnection) -> None:
    """Use a connection, then reset it."""
    assert await connection.ask("PING") == b"PONG"
    raw: Any = connection._connection
    raw._writer.transport.abort()
    await asyncio.sleep(0)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_was_lost_while_nothing_was_under_way_is_opened_again(redis_url: str, run: object) -> None:
    """Writing to it raises AttributeError or RuntimeError, depending on the loop."""

    async def send_after_reset() -> object:
        async with connect_async(redis_url) as client:
            connection = PipelinedConnection(client, "key")
            await _reset(connection)
            answer = await connection.ask("PING")
            await connection.close()
            return answer

    assert callable(run)
    assert run(send_after_reset()) == b"PONG"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(redis_url: str, run: object) -> None:
    async def send_after_close() -> object:
        async with connect_async(redis_url) as client:
            connection = PipelinedConnection(client, "key")
            await client.client_kill_filter(_id=await connection.ask("CLIENT", "ID"))
            raw: Any = connection._connection
            await wait_until_async(raw._reader.at_eof)
            answer = await connection.ask("PING")
            await connection.close()
            return answer

    assert callable(run)
    assert run(send_after_close()) == b"PONG"


def test_a_connection_that_uvloop_finds_closed_while_it_writes_is_a_connection_error(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_after_reset() -> object:
        async with connect_async(redis_url) as client:
            connection = PipelinedConnection(client, "key")
            await _reset(connection)
            with monkeypatch.context() as patched:
                patched.setattr(PipelinedConnection, "_is_closed", False)
                with pytest.raises(redis.ConnectionError, match="closed=True"):
                    await connection.ask("PING")
            answer = await connection.ask("PING")
            await connection.close()
            return answer

    assert uvloop.run(send_after_reset()) == b"PONG"
