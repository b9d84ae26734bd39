"""The consumer as a process: a FastStream application around the scoring loop and the model events."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable

from consumer.consumer import Consumer
from consumer.model_events import CHECK_S, ModelEvents
from schemas.settings import Settings
from service import logs
from service.application import ServedApp, bind, build_app, required_redis_url, serve
from service.asyncapi import describe
from service.broker import build_broker
from service.collector import calm_collector, freeze_objects
from service.periodic import PeriodicTasks, Step
from service.tracing import open_tracing
from transport.connection import connect, connect_async, speaking_to
from transport.server import check_server

SWITCH_S = 0.001
"""How long the scoring loop waits for the interpreter, several times a batch, while a model is loaded in a thread. With
Python's default of 5 ms swaps would be felt."""


def run_consumer(settings: Settings, name: str, port: int) -> None:
    """Answer listings until SIGTERM or SIGINT.

    Args:
        settings: of the domain.
        name: of this consumer, its own in the group.
        port: for the HTTP endpoints; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    sys.setswitchinterval(SWITCH_S)
    url = required_redis_url(settings)
    with speaking_to(url), connect(url) as client:
        check_server(client, settings.streams)
    listener = bind(port, settings.host)
    logs.log_settings(settings)
    app = build_consumer(settings, name, listener, freeze_objects)
    calm_collector()
    serve(app, listener)


def build_consumer(
    settings: Settings, name: str, listener: socket.socket, on_swapped: Callable[[], object] = lambda: None
) -> ServedApp:
    """The application of one consumer.

    Args:
        settings: of the domain.
        name: of this consumer.
        listener: on which its endpoints are served.
        on_swapped: called after each swap, the first model's included.
    """
    url = required_redis_url(settings)
    tracing = open_tracing(settings, "consumer", name)
    domain, streams = settings.load_domain(), settings.streams
    client, searcher = connect_async(url), connect(url)
    consumer = Consumer(client, searcher, domain, settings, name, listener.getsockname()[1], tracing)
    consumer.follower.on_swapped = consumer.rollouts.on_loaded = on_swapped
    broker = build_broker(url, consumer.registry, tracing)
    specification = describe("consumer", domain, streams)
    app = build_app(ServedApp, broker, consumer.health, consumer.registry, specification)
    events = ModelEvents(broker, client, streams, consumer.follower, consumer.rollouts, consumer.health)
    work = _Work(consumer, events, app)
    app.after_startup(work.start)
    app.on_shutdown(work.stop)

    @app.after_shutdown
    async def close() -> None:
        await client.aclose()
        searcher.close()
        await tracing.aclose()

    return app


class _Work:
    """The consumer and the check of its subscriber: started after the broker, stopped before it."""

    def __init__(self, consumer: Consumer, events: ModelEvents, app: ServedApp) -> None:
        self._consumer = consumer
        self._events = events
        self._app = app
        self._checks = PeriodicTasks(app.fail)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._consumer.run(), name="consumer")
        self._running.add_done_callback(self._ended)
        self._checks.start([Step("model events", CHECK_S, self._events.check)])

    async def stop(self) -> None:
        self._consumer.stop()
        await self._checks.stop()
        if self._running:
            await asyncio.wait([self._running])

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._app.fail(error)
