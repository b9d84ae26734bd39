"""The consumer as a FastStream application: it owns the lifecycle, the model events and the AsyncAPI page."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket

from faststream.redis import RedisBroker
from faststream.redis.prometheus import RedisPrometheusMiddleware

from consumer.asyncapi import describe
from consumer.consumer import Consumer
from consumer.model_events import ModelEvents
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from service import logs
from service.endpoints import ServedApp, bind, routes, serve
from transport.connection import connect, connect_async, speaking_to
from transport.server import check_server
from transport.tasks import end_tasks

CALM_COLLECTOR = (100_000, 50, 50)
"""A batch makes thousands of objects that live for milliseconds and in no cycle. By default the collector would look
through them, and now and then through all of scikit-learn, several times a batch."""


def run_consumer(settings: Settings, name: str, port: int) -> None:
    """Answer listings until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    gc.set_threshold(*CALM_COLLECTOR)
    url = _redis_url(settings)
    with speaking_to(url), connect(url) as client:
        check_server(client, settings.streams)
    listener = bind(port, settings.host)
    logs.tell_settings(settings)
    serve(build_app(settings, name, listener), listener)


def build_app(settings: Settings, name: str, listener: socket.socket) -> ServedApp:
    """The application of one consumer, whose endpoints are served on the listener."""
    url = _redis_url(settings)
    domain, streams = settings.load_domain(), settings.streams
    client, searcher = connect_async(url), connect(url)
    consumer = Consumer(client, searcher, domain, settings, name, listener.getsockname()[1])
    transport = RedisPrometheusMiddleware(registry=consumer.registry)
    broker = RedisBroker(url, logger=logging.getLogger(logs.BROKER), middlewares=[transport])
    specification = describe(domain, streams)
    app = ServedApp(
        broker,
        asgi_routes=routes(consumer.health, consumer.registry, specification),
        specification=specification,
        logger=logging.getLogger("faststream"),
    )

    events = ModelEvents(broker, client, streams, consumer.follower, consumer.health)
    work = _Work(consumer, events, app)
    app.after_startup(work.start)
    app.on_shutdown(work.stop)

    @app.after_shutdown
    async def close() -> None:
        await client.aclose()
        searcher.close()

    return app


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: set TASADOR_REDIS_URL")
    return settings.redis_url.get_secret_value()


class _Work:
    """The consumer's loop and the watch over model events: begun after the broker, ended before it."""

    def __init__(self, consumer: Consumer, events: ModelEvents, app: ServedApp) -> None:
        self._consumer = consumer
        self._events = events
        self._app = app
        self._loop: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.create_task(self._consumer.run(), name="consumer")
        self._watch = asyncio.create_task(self._events.keep(), name="model-events")
        for task in (self._loop, self._watch):
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        self._consumer.stop()
        if self._watch:
            await end_tasks([self._watch])
        if self._loop:
            await asyncio.wait([self._loop])

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._app.fail(error)
