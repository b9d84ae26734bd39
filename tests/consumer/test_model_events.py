"""The consumer's subscriber to model events: if it ends, that is reported and it is restarted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.redis.subscriber.usecases.basic import LogicSubscriber
from pydantic import SecretStr

from consumer.app import build_consumer
from schemas.commands import ModelEvent
from schemas.settings import load_settings
from schemas.streams import Streams
from service.application import ServedApp, bind
from tests.consumer.harness import Client, activate, model_events
from tests.models import SmallModel
from tests.monitoring.monitor.watched import get, wait_for_answer
from tests.service.otlp_receiver import PARENT, SAMPLED, TRACE, OtlpReceiver, receiver, traced
from tests.waiting import wait_until_async
from transport.tasks import end_tasks

__all__ = ["receiver"]

RESTARTED = "model-events: the subscriber had ended and was started again"


@asynccontextmanager
async def consuming(
    redis_url: str, streams: Streams, model: SmallModel, receiving: OtlpReceiver | None = None
) -> AsyncIterator[ServedApp]:
    """Run a consumer's application from start to clean stop, with an hour between polls."""
    settings = load_settings(home=model.settings.home, redis_url=SecretStr(redis_url), prefix=streams.prefix)
    settings = settings.model_copy(update={"swap": settings.swap.model_copy(update={"poll_s": 3600.0})})
    with bind(0, "127.0.0.1") as listener:
        app = build_consumer(traced(settings, receiving) if receiving else settings, "a", listener)
        async with app.start_lifespan_context():
            yield app
        assert app.failure is None


def subscriber_of(app: ServedApp) -> LogicSubscriber:
    (subscriber,) = app.brokers[0].subscribers
    assert isinstance(subscriber, LogicSubscriber)
    return subscriber


async def _cancel(app: ServedApp) -> None:
    subscriber = subscriber_of(app)
    await end_tasks(subscriber.tasks)
    assert subscriber.running, "FastStream still counts it as running"


async def _stop(app: ServedApp) -> None:
    """End the subscriber as FastStream does after an error that it considers permanent."""
    subscriber = subscriber_of(app)
    await subscriber.stop()
    assert not subscriber.running


async def _reasons(app: ServedApp) -> tuple[int, list[str]]:
    status, body = await get(app, "/readyz")
    return status, json.loads(body)["reasons"]


async def _wait_for_swaps(client: Client, streams: Streams, number: int) -> None:
    await wait_until_async(lambda: len(model_events(client, streams, "model.swapped")) == number, 40, f"swap {number}")


async def _wait_until_nothing_is_wrong(app: ServedApp) -> None:
    async def is_well() -> bool:
        return await _reasons(app) == (200, [])

    predicate: Callable[[], bool | Awaitable[bool]] = is_well
    await wait_until_async(predicate, message="no warning")


@pytest.mark.parametrize("end", [_cancel, _stop])
async def test_a_subscriber_that_ended_is_reported_and_started_again(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    other_model: SmallModel,
    end: Callable[[ServedApp], Awaitable[None]],
) -> None:
    activate(redis_client, streams, small_model)
    async with consuming(redis_url, streams, small_model) as app:
        await _wait_for_swaps(redis_client, streams, 1)
        await end(app)
        await wait_for_answer(app, "/readyz", RESTARTED)
        assert await _reasons(app) == (200, [RESTARTED])
        await _wait_until_nothing_is_wrong(app)
        activate(redis_client, streams, other_model)
        await _wait_for_swaps(redis_client, streams, 2)


async def test_an_activation_missed_by_a_dead_subscriber_is_found_at_its_restart(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    other_model: SmallModel,
) -> None:
    activate(redis_client, streams, small_model)
    async with consuming(redis_url, streams, small_model) as app:
        await _wait_for_swaps(redis_client, streams, 1)
        subscriber = subscriber_of(app)
        await subscriber.stop()
        assert not subscriber.running
        activate(redis_client, streams, other_model)
        await _wait_for_swaps(redis_client, streams, 2)


async def test_a_stream_that_cannot_be_read_is_reported_and_read_later(
    redis_client: Any, redis_url: str, streams: Streams, small_model: SmallModel, other_model: SmallModel
) -> None:
    activate(redis_client, streams, small_model)
    async with consuming(redis_url, streams, small_model) as app:
        await _wait_for_swaps(redis_client, streams, 1)
        await _wait_until_nothing_is_wrong(app)
        redis_client.rename(streams.model_events, f"{streams.prefix}:aside")
        redis_client.sadd(streams.model_events, "not what belongs here")
        await wait_for_answer(app, "/readyz", "model-events: cannot be read, models are found by polling: WRONGTYPE")
        assert not subscriber_of(app).running
        assert (await _reasons(app))[0] == 200
        redis_client.delete(streams.model_events)
        redis_client.rename(f"{streams.prefix}:aside", streams.model_events)
        await wait_for_answer(app, "/readyz", RESTARTED)
        await _wait_until_nothing_is_wrong(app)
        activate(redis_client, streams, other_model)
        await _wait_for_swaps(redis_client, streams, 2)


async def test_an_event_belongs_to_the_trace_of_its_command(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, receiver: OtlpReceiver
) -> None:
    async with consuming(redis_url, streams, small_model, receiver) as app:
        await wait_until_async(lambda: subscriber_of(app).running)
        event = ModelEvent.of("test", "model.activated").model_copy(update={"traceparent": SAMPLED})

        def is_read() -> bool:
            # the subscriber reads from the end of the stream
            redis_client.xadd(streams.model_events, {"data": event.model_dump_json()})
            return bool(receiver.spans)

        await wait_until_async(is_read)
    span = receiver.wait_for(f"{streams.model_events} process")
    assert (span.service, span.trace, span.parent) == ("tasador-consumer", TRACE, PARENT)
