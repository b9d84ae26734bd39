"""Scripts run by their hash, and are loaded on a server that does not have them."""

from __future__ import annotations

from schemas.streams import SCORERS, Streams
from tests.conftest import StartRedis
from tests.consumer.harness import Client
from transport.connection import connect, connect_async
from transport.scripts import Script

BACKLOG = Script("transport", "backlog")


def commands(client: Client) -> dict[str, int]:
    """Number of calls of each command."""
    return {name: figures["calls"] for name, figures in client.info("commandstats").items()}


def test_a_script_is_sent_in_full_only_once(private_redis: StartRedis) -> None:
    keys = ("p:listings", "p:progress")
    with connect(private_redis().url) as client:
        assert BACKLOG.run(client, keys, (SCORERS,)) == [0, 0, 1]
        assert BACKLOG.run(client, keys, (SCORERS,)) == [0, 0, 1]
        calls = commands(client)
    assert (calls["cmdstat_eval"], calls["cmdstat_evalsha"]) == (1, 2)


async def test_asynchronous_clients_and_pipelines_get_the_same_reply(redis_url: str, streams: Streams) -> None:
    client, keys = connect_async(redis_url), (streams.listings, streams.progress)
    assert await BACKLOG.run_async(client, keys, (SCORERS,)) == [0, 0, 1]
    async with client.pipeline(transaction=False) as pipeline:
        BACKLOG.queue(pipeline, keys, (SCORERS,))
        assert await pipeline.execute() == [[0, 0, 1]]
    await client.aclose()
