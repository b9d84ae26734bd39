"""A line sends at once, and fetches the reply later."""

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
def test_a_command_has_left_when_send_returns(
    redis_client: redis.Redis, redis_url: str, streams: Streams, run: object, size: int
) -> None:
    """Whoever sends may keep the loop busy after that, and Redis works meanwhile."""

    async def send() -> bool:
        client = connect_async(redis_url)
        line = PipelinedConnection(client)
        await line.send("SET", streams.progress, "x" * size)
        give_up_s = time.monotonic() + 10
        # no turn of the loop comes between
        while not (has_left := bool(redis_client.exists(streams.progress))) and time.monotonic() < give_up_s:
            pass
        await line.receive()
        await line.close()
        await client.aclose()
        return has_left

    assert callable(run)
    assert run(send())


async def _send_after_reset(redis_url: str, match: str) -> object:
    """Reset a connection and send on it, which must fail as said; returns the answer to the command after that."""
    client = connect_async(redis_url)
    line = PipelinedConnection(client)
    await line.ask("PING")
    connection: Any = line._connection
    connection._writer.transport.abort()
    await asyncio.sleep(0)
    with pytest.raises(redis.ConnectionError, match=match):
        await line.ask("PING")
    answer = await line.ask("PING")
    await line.close()
    await client.aclose()
    return answer


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_that_was_reset_unseen_is_a_connection_error(redis_url: str, run: object) -> None:
    """Writing to it would raise AttributeError or RuntimeError, as the loop likes; the next command connects again."""

    send = _send_after_reset(redis_url, "closed before the command was sent")
    assert callable(run)
    assert run(send) == b"PONG"


def test_a_connection_that_uvloop_finds_closed_while_it_writes_is_a_connection_error(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PipelinedConnection, "_is_reset", False)

    send = _send_after_reset(redis_url, "closed=True")
    assert uvloop.run(send) == b"PONG"
