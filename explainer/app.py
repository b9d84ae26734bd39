"""The explainer as a FastStream application: answers requests and what-if, and serves its health and metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis.exceptions import RedisError, ResponseError

from explainer.answer_writer import AnswerWriter
from explainer.answering import RequestAnswerer
from explainer.explaining_loop import ExplainingLoop
from explainer.loaded_models import LoadedModels
from explainer.metrics import ExplainerMetrics
from explainer.shard_loops import ShardLoops
from explainer.what_if_desk import WhatIfDesk
from explainer.what_if_scorer import WhatIfScorer
from registry.cache import ModelCache
from registry.location import cache_folder_of, tracking_uri_of
from schemas.errors import ServerError
from schemas.settings import Settings
from schemas.states import ExplainerHeartbeat
from schemas.streams import EXPLAINERS, Streams
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
from service.tracing import open_tracing
from transport.connection import connect_async, is_transient, speaking_to
from transport.consumer_group import ConsumerGroup
from transport.server import check_server_async

logger = logging.getLogger(__name__)

_BEAT_S = 1.0
_STALL_S = 60.0
_POLL_S = 0.25
_RIGHTS_S = 10.0


def run_explainer(settings: Settings, name: str, port: int) -> None:
    """Explain predictions until SIGTERM or SIGINT.

    Args:
        settings: of the domain.
        name: of this explainer; must be unique in the domain.
        port: for `/livez`, `/readyz` and `/metrics`; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    listener = bind(port, settings.host)
    serve(build_explainer(settings, name, listener.getsockname()[1]), listener)


class Explainer:
    """One explainer: its loops and its periodic tasks.

    Args:
        settings: of the domain.
        name: its name in the group; two living explainers must not share one.
        url: of Redis.
        port: where its endpoints are served; None if they are not.

    Attributes:
        health: readiness and liveness.
        registry: its metrics.
        tracing: makes its spans.
    """

    def __init__(self, settings: Settings, name: str, url: str, port: int | None) -> None:
        self._settings = settings
        self._url = url
        self._client = connect_async(url)
        self.tracing = open_tracing(settings, "explainer", name)
        self.health = Health(_STALL_S)
        self.registry = build_registry()
        domain = settings.load_domain()
        metrics, activities = ExplainerMetrics(self.registry), Activities()
        cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
        models = LoadedModels(domain, cache, activities, metrics.record_loaded)
        self._desk = WhatIfDesk(self._client, settings.streams, WhatIfScorer(domain, settings), models)

        def build_loop(shard: Streams) -> ExplainingLoop:
            return ExplainingLoop(
                ConsumerGroup(self._client, shard.explain, EXPLAINERS, name, settings.claim_idle_ms),
                RequestAnswerer(domain, models, shard.shard),
                AnswerWriter(self._client, shard, name, settings.explain.kept),
                self.health,
                metrics,
                settings.max_deliveries,
                self.tracing,
                shard.shard,
            )

        self._loops = ShardLoops(self._client, settings.streams, build_loop)
        key = settings.streams.explainers
        self._heartbeat = Heartbeat(self._client, key, ExplainerHeartbeat, name, port, self.health, activities)
        self._tasks: PeriodicTasks | None = None

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Check the server and start the tasks; `on_failure` is called with the error that ends a task, if any.

        Raises:
            RedisUnavailableError: Redis does not answer.
            ServerError: the server cannot keep the promises.
        """
        with speaking_to(self._url):
            await check_server_async(self._client, self._settings.streams)
        logs.log_settings(self._settings)
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(
            [
                Step("loops", _BEAT_S, self._beat),
                Step("rights", _RIGHTS_S, self._check_rights),
                Step("heartbeat", self._settings.heartbeat_s, self._heartbeat.beat, self._heartbeat.wakeup),
                Step("silent", FORGET_S, self._heartbeat.forget_silent),
                Step("params file", WATCH_S, SettingsWatch(self.health, self._settings.domain).check),
                Step("renewal", self._settings.claim_idle_ms / 3000, self._loops.renew),
                Step("requests", _POLL_S, self._loops.run_once),
                Step("what-if", _POLL_S, self._desk.answer_waiting),
            ]
        )

    async def stop(self) -> None:
        """Finish the batch in hand, leave the group, and close the connections."""
        self._heartbeat.is_stopping = True
        self._loops.stop()
        if self._tasks:
            await self._tasks.finish()
        try:
            if await self._loops.leave():
                await self._heartbeat.remove()
        except (RedisError, OSError) as error:
            logger.warning("could not leave the group", extra={"error": str(error)})
        await self._client.aclose()
        await self.tracing.aclose()

    async def _beat(self) -> None:
        self.health.beat()

    async def _check_rights(self) -> None:
        """Try, as the explainer's own user, whether it may read requests and write explanations; changes nothing.

        Raises:
            ServerError: it may not.
        """
        try:
            await self._loops.try_rights()
        except ResponseError as error:
            if is_transient(error):
                raise
            raise ServerError(f"this user may not answer requests: {error}") from error
        self.health.clear("start")


def build_explainer(settings: Settings, name: str, port: int | None = None) -> ServedApp:
    """The application of one explainer, whose endpoints are served on the port, if they are served."""
    url = required_redis_url(settings)
    explainer = Explainer(settings, name, url, port)
    specification = describe("explainer", settings.load_domain(), settings.streams)
    broker = build_broker(url, explainer.registry, explainer.tracing)
    app = build_app(ServedApp, broker, explainer.health, explainer.registry, specification)

    @app.after_startup
    async def start() -> None:
        await explainer.start(app.fail)

    app.on_shutdown(explainer.stop)
    return app
