"""The training worker: a FastStream application that reads commands and follows the champion.

FastStream delivers new commands, a periodic task claims those of dead workers, and `training.worker.command_handler`
carries them out. A consumer group that vanished is created again at the beginning of the stream: a command that has
its reply is recognised by its id, so none is carried out twice.
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
from schemas.states import TrainerHeartbeat
from schemas.streams import DATA_FIELD, TRAINERS
from service import logs
from service.activity import Activities
from service.application import ServedApp, bind, build_app, required_redis_url, serve
from service.asyncapi import describe
from service.broker import build_broker
from service.health import Health
from service.heartbeat import FORGET_S, Heartbeat
from service.metrics import build_registry
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch
from service.subscriber import SubscriberWatch
from service.trace_context import trace_headers
from service.tracing import open_tracing
from training.worker.command_handler import CommandHandler
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry, CommandInbox
from training.worker.metrics import JobMetrics
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from training.worker.rollouts import RolloutManager
from training.worker.training_runner import TrainingRunner
from transport.connection import connect_async, speaking_to
from transport.server import check_server_async

logger = logging.getLogger(__name__)

_READ_MS = 500
_STALL_S = 30.0
_ROLLOUT_S = 1.0
"""How often a worker looks whether the rollout is over."""
_TICKS_PER_CLAIM = 5
"""How often within `claim_idle_ms` a worker renews its entries and looks for those of dead workers."""


def run_trainer(settings: Settings, name: str, port: int) -> None:
    """Carry out commands until SIGTERM or SIGINT.

    Args:
        settings: they name the domain.
        name: of this worker, unique in the domain.
        port: for `/livez`, `/readyz` and `/metrics`; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at the start.
    """
    logs.configure(settings)
    listener = bind(port, settings.host)
    serve(build_worker(settings, name, listener.getsockname()[1]), listener)


class Worker:
    """One worker: its objects, its subscriber and its periodic tasks.

    Args:
        settings: of the worker.
        name: its name in the consumer group.
        url: of Redis.
        port: where its endpoints are served; None if they are not.

    Attributes:
        handler: carries out commands.
        health: for `/livez` and `/readyz`.
        broker: FastStream's, with the subscriber that reads new commands.
        registry: the worker's Prometheus metrics.
    """

    def __init__(self, settings: Settings, name: str, url: str, port: int | None) -> None:
        self._settings = settings
        self._url = url
        self._tracing = open_tracing(settings, "trainer", name)
        self._client = connect_async(url)
        domain, streams = settings.load_domain(), settings.streams
        self.registry = build_registry()
        metrics = JobMetrics(lambda: self.handler.is_training, self.registry)
        self._inbox = CommandInbox(self._client, streams, name, settings.claim_idle_ms)
        replies = Replies(self._client, streams, name, metrics)
        events = EventFactory(f"tasador/{domain.name}/trainer/{name}")
        activities = Activities()
        models = Models(settings, domain, activities)
        self._promoter = Promoter(replies, events, models, metrics)
        parts = (settings, self._inbox, replies, events, models, self._promoter)
        self._rollouts = RolloutManager(settings, replies, events, models)
        self.handler = CommandHandler(*parts, TrainingRunner(*parts, activities), self._rollouts)
        self.health = Health(_STALL_S)
        self._heartbeat = Heartbeat(
            self._client,
            streams.trainers,
            TrainerHeartbeat,
            name,
            port,
            self.health,
            activities,
            lambda: {"champion": self._promoter.champion, "versions": self._promoter.versions},
        )
        self.broker = build_broker(url, self.registry, self._tracing)
        # one at a time, so that what is read is in hand at once and never taken for left over
        stream = StreamSub(streams.commands, _READ_MS, TRAINERS, name, max_records=1)
        subscriber = self.broker.subscriber(
            stream=stream, ack_policy=AckPolicy.MANUAL, parser=_parse, decoder=_decode, include_in_schema=False
        )
        subscriber(self._handle)
        self._watch = SubscriberWatch(subscriber, self._inbox.create_group, self.health, "commands")
        self._tasks: PeriodicTasks | None = None

    async def prepare(self) -> None:
        """Check the server, and create the group before FastStream creates it at the end of the stream.

        Raises:
            RedisUnavailableError: Redis does not answer.
            ServerError: the server cannot keep the promises.
        """
        with speaking_to(self._url):
            await check_server_async(self._client, self._settings.streams)
            await self._inbox.create_group()
            await self._inbox.note_left_over()

    def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Start the periodic tasks; `on_failure` gets an error that ends one of them."""
        logs.log_settings(self._settings)
        tick_s = self._settings.claim_idle_ms / 1000 / _TICKS_PER_CLAIM
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(
            [
                Step("redis", tick_s, self._renew),
                Step("left-overs", tick_s, self._take_left_overs),
                Step("cancellation", tick_s, self._follow_cancel),
                Step("registry", self._settings.registry_poll_s, self._follow_champion),
                Step("rollout", _ROLLOUT_S, self._rollouts.end_if_over),
                Step("heartbeat", self._settings.heartbeat_s, self._heartbeat.beat, self._heartbeat.wakeup),
                Step("silent", FORGET_S, self._heartbeat.forget_silent),
                Step("params file", WATCH_S, SettingsWatch(self.health, self._settings.domain).check),
            ]
        )

    async def stop(self) -> None:
        """Stop the periodic tasks, and kill a running training."""
        if self._tasks:
            await self._tasks.stop()
        await self.handler.stop()

    async def leave(self) -> None:
        """Release the worker's entries, after the last read."""
        try:
            await self._inbox.leave()
            await self._heartbeat.remove()
        except RedisError as error:
            logger.warning("could not leave the consumer group", extra={"error": str(error)})
        await self._client.aclose()
        await self._tracing.aclose()

    async def _renew(self) -> None:
        """Renew what is in hand, and restart a subscriber that has ended."""
        self.health.beat()
        try:
            await self._watch.check()
        finally:
            # memory may be full for a new group and not for this
            await self._inbox.renew()

    async def _follow_cancel(self) -> None:
        await self.handler.trainings.follow_cancel()

    async def _take_left_overs(self) -> None:
        while (entry := await self._inbox.take_left_over()) is not None:
            await self.handler.carry_out(entry)

    async def _follow_champion(self) -> None:
        await self._promoter.follow_champion()
        self.health.clear("start")

    async def _handle(self, entry: InstanceOf[CommandEntry]) -> None:
        """Carry out one command."""
        await self.handler.carry_out(entry)


class WorkerApp(ServedApp):
    """The application. It survives a vanished group, after which FastStream would exit with code 0."""

    def exit(self) -> None:
        """Exit only after a failure; `Worker` restarts a subscriber that FastStream has given up."""
        if self.failure is not None:
            super().exit()


def build_worker(settings: Settings, name: str, port: int | None = None) -> WorkerApp:
    """The application of one worker, whose endpoints are served on the port, if they are served."""
    worker = Worker(settings, name, required_redis_url(settings), port)
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
    headers = trace_headers((message["data"] or {}).get(DATA_FIELD))
    return RedisStreamMessage(raw_message=message, body=b"", headers=headers, consumer=FAKE_CONSUMER, group=None)


async def _decode(message: RedisStreamMessage) -> CommandEntry:
    raw = message.raw_message
    return CommandEntry(raw["message_ids"][0].decode(), raw["data"])
