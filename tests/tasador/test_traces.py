"""Traces: a request is followed through every process, over OTLP; without an endpoint nothing is made."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from typing import Any

import redis

from producer import ListingPublisher
from schemas.settings import Settings
from schemas.streams import Streams
from service.application import bind
from service.logs import JsonLine
from service.trace_context import TracedEvent
from service.tracing import MAX_LINKS, MIN_INTERVAL_S, NO_TRACING, open_tracing
from tests.consumer.harness import ROW, answers, event, publish, running
from tests.gateway.system import gateway_settings, serving
from tests.monitoring.monitor.watched import boston_table, watching
from tests.monitoring.monitor.watched import settings_for as monitor_settings
from tests.service.otlp_receiver import PARENT, SAMPLED, TRACE, UNSAMPLED, OtlpReceiver, receiver, traced
from tests.waiting import wait_until_async

__all__ = ["receiver"]


def _attributes(traceparent: str | None) -> dict[str, Any]:
    return {"traceparent": traceparent} if traceparent else {}


def _request(settings: Settings, **headers: str) -> Any:
    with serving([settings]) as client:
        return client.call("POST", "/predict", ROW, headers).json


async def _answer(settings: Settings, url: str, payloads: list[bytes]) -> None:
    """Publish listings, and let a consumer answer all of them."""
    streams, tracing = settings.streams, open_tracing(settings, "consumer", "a")
    with redis.Redis.from_url(url) as client:
        publish(client, streams, payloads)
        async with running(url, settings, tracing=tracing):
            await wait_until_async(lambda: client.xlen(streams.predictions) == len(payloads))
    await tracing.aclose()


async def test_a_request_is_followed_from_the_gateway_to_the_batch_that_scored_it(
    receiver: OtlpReceiver, redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    settings = traced(gateway_settings(redis_url, prefix), receiver)
    tracing = open_tracing(settings, "consumer", "a")
    async with running(redis_url, settings, tracing=tracing):
        reply = await asyncio.to_thread(_request, settings)
    await tracing.aclose()
    request, batch = receiver.wait_for("POST /predict"), receiver.wait_for("score listings")
    assert (request.service, batch.service) == ("tasador-gateway", "tasador-consumer")
    assert request.attributes["http.response.status_code"] == 200
    assert batch.links == [(request.trace, request.span)]
    assert batch.attributes["messaging.batch.message_count"] == 1
    # the request waits for the batch
    assert 0 < batch.seconds < request.seconds
    (prediction,) = answers(redis_client, streams.predictions)
    assert prediction["id"] == reply["entry"]
    assert prediction["traceparent"] == f"00-{request.trace}-{request.span}-01"


async def test_the_callers_trace_goes_on_in_the_gateway(receiver: OtlpReceiver, redis_url: str, prefix: str) -> None:
    settings = traced(gateway_settings(redis_url, prefix), receiver, share=0.0)
    async with running(redis_url, settings):
        await asyncio.to_thread(_request, settings, traceparent=SAMPLED)
        await asyncio.to_thread(_request, settings, traceparent=UNSAMPLED)
        await asyncio.to_thread(_request, settings)
    request = receiver.wait_for("POST /predict")
    assert (request.trace, request.parent) == (TRACE, PARENT)
    assert len(receiver.named("POST /predict")) == 1


async def test_a_batch_has_one_span_with_at_most_ten_links_to_sampled_listings(
    receiver: OtlpReceiver, redis_url: str, prefix: str
) -> None:
    settings = traced(gateway_settings(redis_url, prefix), receiver)
    sampled = [f"00-{number + 1:032x}-{PARENT}-01" for number in range(15)]
    traceparents = [UNSAMPLED, None, *sampled, sampled[0]]
    payloads = [event(f"l-{number}", **_attributes(each)) for number, each in enumerate(traceparents)]
    await _answer(settings, redis_url, payloads)
    (batch,) = receiver.named("score listings")
    assert batch.attributes["messaging.batch.message_count"] == len(payloads)
    assert batch.links == [(each.split("-")[1], PARENT) for each in sampled[:MAX_LINKS]]


async def test_a_batch_without_a_sampled_listing_has_no_span(
    receiver: OtlpReceiver, redis_url: str, prefix: str
) -> None:
    settings = traced(gateway_settings(redis_url, prefix), receiver)
    await _answer(settings, redis_url, [event("l-1"), event("l-2", traceparent=UNSAMPLED)])
    assert receiver.spans == []


async def test_a_process_with_many_batches_makes_spans_of_some(
    receiver: OtlpReceiver, redis_url: str, prefix: str
) -> None:
    tracing = open_tracing(traced(gateway_settings(redis_url, prefix), receiver), "consumer", "a")
    begin, batches = time.monotonic(), 0
    while time.monotonic() < begin + 3 * MIN_INTERVAL_S:
        batches += 1
        with tracing.batch("score listings", [TracedEvent(SAMPLED)]):
            pass
    await tracing.aclose()
    assert 2 <= len(receiver.named("score listings")) <= 4 < batches


async def test_a_publishers_own_span_goes_along(
    receiver: OtlpReceiver, redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    settings = traced(gateway_settings(redis_url, prefix), receiver)
    tracing = open_tracing(settings, "client", "shop")
    with ListingPublisher(settings) as publisher:
        with tracing.request("sell a house", ""):
            publisher.publish({"id": "inside", "data": ROW})
        publisher.publish({"id": "outside", "data": ROW})
    await tracing.aclose()
    client: Any = redis_client
    events = [json.loads(fields[b"data"]) for _, fields in client.xrange(streams.listings)]
    span = receiver.wait_for("sell a house")
    assert [each.get("traceparent") for each in events] == [f"00-{span.trace}-{span.span}-01", None]


async def test_an_outcome_is_followed_to_the_monitor(
    receiver: OtlpReceiver, redis_client: redis.Redis, redis_url: str, streams: Streams, prefix: str
) -> None:
    outcome = {"id": "o-1", "traceparent": SAMPLED, "data": {"listing_id": "l-1", "outcome": 24.0}}
    redis_client.xadd(streams.outcomes, {"data": json.dumps(outcome)})
    async with watching(traced(monitor_settings(redis_url, prefix), receiver), lambda _: boston_table()):
        joined = await asyncio.to_thread(receiver.wait_for, "join outcomes")
    assert (joined.service, joined.links) == ("tasador-monitor", [(TRACE, PARENT)])


async def test_logs_name_the_trace_and_the_span(receiver: OtlpReceiver, redis_url: str, prefix: str) -> None:
    tracing = open_tracing(traced(gateway_settings(redis_url, prefix), receiver), "gateway", "g1")
    record = logging.makeLogRecord({"msg": "batch committed"})
    with tracing.request("POST /predict", SAMPLED):
        inside = json.loads(JsonLine().format(record))
    outside = json.loads(JsonLine().format(record))
    await tracing.aclose()
    span = receiver.wait_for("POST /predict")
    assert (inside["trace_id"], inside["span_id"]) == (TRACE, span.span)
    assert "trace_id" not in outside


async def test_a_receiver_that_is_away_costs_no_outcome_and_delays_no_stop(redis_url: str, prefix: str) -> None:
    with bind(0, "127.0.0.1") as listener:
        # it accepts connections, and never answers
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = gateway_settings(redis_url, prefix, tracing={"endpoint": endpoint})
        begin = time.monotonic()
        await _answer(settings, redis_url, [event(f"l-{number}", traceparent=SAMPLED) for number in range(3)])
        assert time.monotonic() - begin < 10


def test_without_an_endpoint_no_span_is_made_and_no_sdk_is_imported() -> None:
    assert open_tracing(Settings(), "consumer", "a") is NO_TRACING
    program = "import sys, consumer.app; print('opentelemetry.sdk.trace' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
