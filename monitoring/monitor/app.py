"""The monitor as a FastStream application: it looks at the window, joins outcomes, and reports."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from faststream.redis import RedisBroker
from faststream.redis.prometheus import RedisPrometheusMiddleware

from monitoring.archive.archiver import Archiver
from monitoring.archive.location import archive_of
from monitoring.monitor.archive_metrics import ArchiveMetrics
from monitoring.monitor.asyncapi import describe
from monitoring.monitor.drift_metrics import DriftMetrics
from monitoring.monitor.drift_reporter import DriftReporter
from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter, now_ms
from monitoring.monitor.reference import LoadTable
from monitoring.monitor.retrain_policy import RetrainPolicy
from monitoring.outcomes.segments import cut_points
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from service import logs
from service.endpoints import ServedApp, bind, routes, serve
from service.health import Health
from service.metrics import build_registry
from service.periodic import STALL_S, WAITS_FOR, PeriodicTasks
from transport.connection import connect, connect_async, speaking_to
from transport.server import check_server_async

_JOIN_S = 1.0
_ARCHIVE_S = 5.0


def run_monitor(settings: Settings, name: str, port: int, load_table: LoadTable) -> None:
    """Watch one domain until SIGTERM or SIGINT.

    Args:
        settings: of the domain.
        name: of this monitor, its own in the domain.
        port: for `/livez`, `/readyz` and `/metrics`; 0 picks a free one.
        load_table: finds the reference of a model.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    listener = bind(port, settings.host)
    serve(build_monitor(settings, name, load_table), listener)


class Monitor:
    """What one monitor does beside FastStream.

    Args:
        settings: its settings.
        name: its name.
        url: of Redis.
        load_table: finds the reference of a model.

    Attributes:
        health: why it is not ready, and whether it turns.
        registry: its metrics.
    """

    def __init__(self, settings: Settings, name: str, url: str, load_table: LoadTable) -> None:
        self._settings = settings
        self._url = url
        self._client = connect_async(url)
        self.health = Health(STALL_S)
        self.registry = build_registry()
        domain = settings.load_domain()
        source = f"tasador/{domain.name}/monitor/{name}"
        self._drift = DriftReporter(self._client, domain, settings, load_table, source, DriftMetrics(self.registry))
        self._archiver = Archiver(self._client, settings, domain, archive_of(settings))
        self._archive_metrics = ArchiveMetrics(self.registry)
        self._quality = QualityReporter(
            self._client, domain, settings, name, source, self._archiver.find_older, QualityMetrics(self.registry)
        )
        self._domain = domain
        self._asker = connect(url)
        self._steering = RetrainPolicy(self._asker, settings.streams, domain, settings.loop)
        self._loops = PeriodicTasks(self.health)

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Check the server and begin to turn; `on_failure` is told what ended a loop, if anything does.

        Raises:
            RedisUnavailableError: Redis does not answer.
            ServerError: it cannot keep the promises.
        """
        with speaking_to(self._url):
            await check_server_async(self._client, self._settings.streams)
        logs.tell_settings(self._settings)
        interval_s = self._settings.monitor.interval_s
        steps: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {
            "drift": (interval_s, self._look),
            "outcomes": (min(_JOIN_S, interval_s), self._quality.work),
            "quality": (interval_s, self._report),
            "loop": (interval_s, self._steer),
        }
        if self._settings.archive.is_on:
            steps["archive"] = (min(_ARCHIVE_S, interval_s), self._archive)
        self._loops.start(steps, on_failure)
        self.health.clear("start")

    async def stop(self) -> None:
        """Stop turning."""
        await self._loops.stop()
        self._asker.close()
        await self._client.aclose()

    async def _look(self) -> None:
        try:
            report = await self._drift.look()
        except WAITS_FOR:
            self._drift.forget()
            raise
        if report is not None:
            self._steering.note_drift(report)
        if self._drift.reference is not None:
            self._quality.set_cuts(cut_points(self._domain, self._drift.reference.columns))

    async def _report(self) -> None:
        try:
            self._steering.note_quality(await self._quality.report())
        except WAITS_FOR:
            self._quality.forget()
            raise

    async def _steer(self) -> None:
        await self._steering.turn(self._drift.reference)

    async def _archive(self) -> None:
        try:
            progress = await self._archiver.run_once(await now_ms(self._client))
            self._archive_metrics.record(progress, await self._archiver.lag())
        except WAITS_FOR:
            self._archive_metrics.record_failure()
            raise


def build_monitor(settings: Settings, name: str, load_table: LoadTable) -> ServedApp:
    """The application of one monitor."""
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: set TASADOR_REDIS_URL")
    url = settings.redis_url.get_secret_value()
    monitor = Monitor(settings, name, url, load_table)
    specification = describe(settings.domain, settings.streams)
    app = ServedApp(
        RedisBroker(
            url,
            logger=logging.getLogger(logs.BROKER),
            middlewares=[RedisPrometheusMiddleware(registry=monitor.registry)],
        ),
        asgi_routes=routes(monitor.health, monitor.registry, specification),
        specification=specification,
        logger=logging.getLogger("faststream"),
    )

    @app.after_startup
    async def start() -> None:
        await monitor.start(app.fail)

    app.on_shutdown(monitor.stop)
    return app
