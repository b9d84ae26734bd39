"""Where nothing can be scored, a request is refused at once, not after the timeout."""

from __future__ import annotations

import asyncio

from monitoring.monitor.scale import Workload, read_workload
from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.consumer.harness import ROW, Client, publish_numbered
from tests.gateway.system import answered, consuming, gateway_settings, serving, timed
from tests.gateway.test_same_outcome import pretend_a_consumer
from tests.waiting import wait_until
from transport.connection import connect_async


def workload(redis_url: str, streams: Streams) -> Workload:
    """What the monitor tells an autoscaler."""

    async def read() -> Workload:
        async with connect_async(redis_url) as client:
            return await read_workload(client, [streams])

    return asyncio.run(read())


def test_without_a_consumer_the_answer_is_503_at_once(redis_url: str, prefix: str, redis_client: Client) -> None:
    settings = gateway_settings(redis_url, prefix)
    with serving([settings], is_scoring=False) as client:
        reply, seconds = timed(client)
        assert (reply.status, reply.json["reason"]) == (503, "unavailable")
        assert reply.headers["retry-after"] == "1"
        assert seconds < 1
        assert not redis_client.exists(settings.streams.listings)
        # so an autoscaler would never see a backlog: the gateway's heartbeat says that a consumer is wanted
        wait_until(lambda: workload(redis_url, settings.streams).demand == 1, 10)
        assert workload(redis_url, settings.streams).backlog == 0
        assert client.get("/v2/health/ready").status == 503
        assert client.get("/v2/models/housing/ready").status == 503
        assert client.get("/health").json["status"] == "degraded"
        with consuming(redis_url, settings):
            wait_until(lambda: timed(client)[0].status == 200)
        wait_until(lambda: client.get("/v2/health/ready").status == 503, 5)
        assert timed(client)[0].status == 503


def test_with_a_full_backlog_the_answer_is_503_at_once(
    redis_url: str, prefix: str, streams: Streams, redis_client: Client
) -> None:
    settings = gateway_settings(redis_url, prefix, high_water=5)
    with serving([settings], is_scoring=False) as client:
        pretend_a_consumer(redis_client, streams)
        wait_until(lambda: client.get("/v2/health/ready").status == 200)
        publish_numbered(redis_client, streams, 5)
        reply, seconds = timed(client)
        assert (reply.status, reply.json["reason"]) == (503, "backlog_full")
        assert seconds < 1
        assert redis_client.xlen(streams.listings) == 5


def test_while_redis_is_away_the_answer_is_503_and_comes_back_with_it(private_redis: StartRedis) -> None:
    server = private_redis("--appendonly", "yes")
    settings = gateway_settings(server.url, "away")
    with consuming(server.url, settings), serving([settings]) as client:
        first = client.post("/predict", {"id": "a-1", **ROW})
        assert first.status == 200
        server.kill()
        reply, seconds = timed(client, {"id": "a-2", **ROW})
        assert reply.status == 503
        assert seconds < 2
        assert client.get("/health").json["status"] == "degraded"
        assert client.get("/model/info").status == 503
        server.start()
        again = answered(client, "/predict", {"id": "a-1", **ROW})
        assert again.json["entry"] == first.json["entry"]
