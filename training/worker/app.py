"""The training worker: a FastStream application that takes commands, keeps them in hand, and follows the champion.

What a command does is in `training.worker.command_handler`. This module reads: new commands come through FastStream,
those of dead workers are claimed. A group or stream that vanishes is created again at the beginning: answered commands
are known by their id, so nothing is carried out twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from faststream import AckPolicy
from faststream.redis import RedisStreamMessage, StreamSub
from faststream.redis.message import FAKE_CONSUMER, DefaultStreamMessage
from pydantic import InstanceOf
from redis.exceptions import RedisError

from schemas.settings import Settings
from schemas.streams import TRAINERS
from service import logs
from service.application import ServedApp, bind, build_app, build_broker, required_redis_url, serve
from service.asyncapi import describe
from service.health import Health
from service.metrics import build_registry
from service.periodic import PeriodicTasks, Step
from service.subscriber import SubscriberWatch
from training.worker.command_handler import CommandHandler
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry, CommandInbox
from training.worker.metrics import JobMetrics
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from transport.connection import connect_async, speaking_to
from transport.server import check_server_async

logger = logging.getLogger(__name__)

_READ_MS = 500
_STALL_S = 30.0
_TICKS_A_CLAIM = 5
"""How often within `claim_idle_ms` a worker shows that it works on what it has in hand."""


def run_trainer(settings: Settings, name: str, port: int) -> None:
    """Carry out commands until SIGTERM or SIGINT.

    Args:
        settings: of the domain whose models are meant.
        name: of this worker, its own among those of the domain.
        port: for `/livez`, `/readyz` and `/metrics`; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    listener = bind(port, settings.host)
    serve(build_worker(settings, name), listener)


class Worker:
    """The loops of one worker beside FastStream's own.

    Args:
        settings: its settings.
        name: its name in the group.
        url: of Redis.

    Attributes:
        health: why it is not ready, and whether it turns.
        broker: FastStream's, with the subscriber that reads new commands.
        registry: the worker's Prometheus metrics.
    """

    def __init__(self, settings: Settings, name: str, url: str) -> None:
        self._settings = settings
        self._url = url
        self._client = connect_async(url)
        domain, streams = settings.load_domain(), settings.streams
        self.registry = build_registry()
        metrics = JobMetrics(lambda: self.execution.is_training, self.registry)
        self._inbox = CommandInbox(self._client, streams, name, settings.claim_idle_ms)
        answers = Replies(self._client, streams, name, metrics)
        reports = EventFactory(f"tasador/{domain.name}/trainer/{name}")
        models = Models(settings, domain)
        self._charge = Promoter(answers, reports, models, metrics)
        self.execution = CommandHandler(settings, self._inbox, answers, reports, models, self._charge)
        self.health = Health(_STALL_S)
        self.broker = build_broker(url, self.registry)
        # one at a time: what is read is in hand at once, and nobody takes it for left over
        stream = StreamSub(streams.commands, _READ_MS, TRAINERS, name, max_records=1)
        subscriber = self.broker.subscriber(
            stream=stream, ack_policy=AckPolicy.MANUAL, parser=_parse, decoder=_decode, include_in_schema=False
        )
        subscriber(self._obey)
        self._watch = SubscriberWatch(subscriber, self._inbox.create_group, self.health, "commands")
        self._tasks: PeriodicTasks | None = None

    async def prepare(self) -> None:
        """Check the server and create the group, before FastStream would create it at the end of the stream.

        Raises:
            RedisUnavailableError: Redis does not answer.
            ServerError: it cannot keep the promises.
        """
        with speaking_to(self._url):
            await check_server_async(self._client, self._settings.streams)
            await self._inbox.create_group()
            await self._inbox.note_left_over()

    def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Start the periodic tasks; `on_failure` gets an error that ends one of them."""
        logs.log_settings(self._settings)
        tick_s = self._settings.claim_idle_ms / 1000 / _TICKS_A_CLAIM
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(
            [
                Step("redis", tick_s, self._keep),
                Step("left-overs", tick_s, self._take_over),
                Step("registry", self._settings.registry_poll_s, self._follow),
            ]
        )

    async def stop(self) -> None:
        """Stop the periodic tasks and kill a training that is under way."""
        if self._tasks:
            await self._tasks.stop()
        await self.execution.stop()

    async def leave(self) -> None:
        """Give back what is in hand, once nothing is read any more."""
        try:
            await self._inbox.leave()
        except RedisError as error:
            logger.warning("left without a word: others claim what is pending", extra={"error": str(error)})
        await self._client.aclose()

    async def _keep(self) -> None:
        """Renew what is in hand; read again after Redis could not serve or the group had vanished."""
        self.health.beat()
        await self._watch.check()
        await self._inbox.renew()

    async def _take_over(self) -> None:
        while (entry := await self._inbox.take_left_over()) is not None:
            await self.execution.carry_out(entry)

    async def _follow(self) -> None:
        await self._charge.follow_champion()
        self.health.clear("start")

    async def _obey(self, entry: InstanceOf[CommandEntry]) -> None:
        """Carry out one command."""
        await self.execution.carry_out(entry)


class WorkerApp(ServedApp):
    """The application. It outlives a group that vanished, upon which FastStream would end it, with exit code 0."""

    def exit(self) -> None:
        """End the server if something has failed; what FastStream gives up, the worker's loops begin again."""
        if self.failure is not None:
            super().exit()


def build_worker(settings: Settings, name: str) -> WorkerApp:
    """The application of one worker."""
    worker = Worker(settings, name, required_redis_url(settings))
    specification = describe("trainer", settings.load_domain(), settings.streams)
    app = build_app(WorkerApp, worker.broker, worker.health, worker.registry, specification)
    app.on_startup(worker.prepare)

    @app.after_startup
    async def start() -> None:
        worker.start(app.fail)

    app.on_shutdown(worker.stop)
    app.after_shutdown(worker.leave)
    return app


async def _parse(message: DefaultStreamMessage) -> RedisStreamMessage:
    # FastStream's own parser fails on fields that are not UTF-8
    return RedisStreamMessage(raw_message=message, body=b"", consumer=FAKE_CONSUMER, group=None)


async def _decode(message: RedisStreamMessage) -> CommandEntry:
    raw = message.raw_message
    return CommandEntry(raw["message_ids"][0].decode(), raw["data"])
