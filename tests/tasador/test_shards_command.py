"""`tasador shards`: shows the shards of a domain, and changes their number."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from schemas.errors import NotConfirmedError, ShardError
from schemas.shards import ShardLayout, shard_of
from schemas.states import ConsumerHeartbeat
from schemas.streams import Streams
from tasador.cli.commands.shards import app
from tests.consumer.harness import Client, event, publish, running, settings_for
from tests.tasador.command import Runner, use_redis
from tests.waiting import wait_until_async
from transport.shards import read_layout

COMMAND = Runner(app)


@pytest.fixture(autouse=True)
def _pointed(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


async def test_the_number_is_changed_and_shown(redis_url: str, redis_client: Client, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: redis_client.hlen(streams.consumers))
        publish(redis_client, streams, [event(f"l-{n}") for n in range(8)])
        text = await asyncio.to_thread(COMMAND.text, "set", "2", "--wait")
        moved = sum(shard_of(event(f"l-{n}"), 2) for n in range(8))
        assert "housing has 2 shards instead of 1; publishers waited for 2." in text
        assert f"{moved} identities were added to other shards" in text
        assert await asyncio.to_thread(COMMAND.text, "set", "2") == "housing has 2 shards already\n"
        shown = await asyncio.to_thread(COMMAND.text, "status")
        assert "housing has 2 shards\n" in shown
        assert "shard 1   0 undelivered, 0 pending; own consumer: a" in shown
        document = await asyncio.to_thread(COMMAND.json, "status")
    assert (document["count"], document["epoch"], document["missing"]) == (2, 1, [])
    assert [shard["consumers"] for shard in document["shards"]] == [["a"], ["a"]]


def test_listings_that_nobody_answers_keep_the_number(redis_client: Client, streams: Streams) -> None:
    publish(redis_client, streams, [event("l-1")])
    with pytest.raises(ShardError, match="look at `tasador status`, or allow more with --timeout"):
        COMMAND.run("set", "2", "--timeout", "0.1")
    assert read_layout(redis_client, streams) == ShardLayout(count=1, read=2)
    assert "shard 0   1 undelivered, 0 pending; own consumer: none" in COMMAND.text("status")
    assert "gets no listings" in COMMAND.text("status")


def test_a_consumer_that_does_not_follow_is_named(redis_client: Client, streams: Streams) -> None:
    redis_client.hset(streams.consumers, "stuck", _beat(redis_client))
    with pytest.raises(NotConfirmedError, match=r"the domain has 2 shards, which stuck did not read within 0\.1 s"):
        COMMAND.run("set", "2", "--wait", "--timeout", "0.1")


def _beat(client: Client) -> str:
    seconds, _ = client.time()
    beat = ConsumerHeartbeat(
        name="stuck", instance="i", host="h", pid=1, started_ms=0, at_ms=seconds * 1000, state="running"
    )
    return beat.model_dump_json()


@pytest.mark.parametrize("count", ["0", "65", "two"])
def test_a_number_that_cannot_be_is_refused(count: str) -> None:
    result = CliRunner().invoke(app, ["set", count])
    assert result.exit_code == 2
