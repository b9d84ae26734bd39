"""The monitor as a FastStream application: runs its periodic tasks and serves its health and metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from monitoring.archive.archiver import Archiver
from monitoring.archive.location import archive_of
from monitoring.monitor.archive_metrics import ArchiveMetrics
from monitoring.monitor.drift_metrics import DriftMetrics
from monitoring.monitor.drift_reporter import DriftReporter
from monitoring.monitor.loop_metrics import LoopMetrics
from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter
from monitoring.monitor.reference import LoadStored, StoredReference
from monitoring.monitor.retrain_task import RetrainTask
from monitoring.monitor.rollout_metrics import RolloutMetrics
from monitoring.monitor.rollout_reporter import RolloutReporter
from monitoring.monitor.scale import scale_route
from monitoring.outcomes.segments import find_cut_points
from schemas.settings import Settings
from schemas.states import DesiredModel, MonitorHeartbeat
from service import logs
from service.activity import Activities
from service.application import ServedApp, bind, build_app, required_redis_url, serve
from service.asyncapi import describe
from service.broker import build_broker
from service.collector import calm_collector, freeze_objects
from service.health import Health
from service.heartbeat import FORGET_S, Heartbeat
from service.metrics import build_registry
from service.periodic import RETRIED, PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch
from service.tracing import open_tracing
from transport.clock import now_ms_async
from transport.connection import connect, connect_async, speaking_to
from transport.server import check_server_async

logger = logging.getLogger(__name__)

_BEAT_S = 1.0
_STALL_S = 60.0
_JOIN_S = 1.0
_ARCHIVE_S = 5.0


def run_monitor(settings: Settings, name: str, port: int, load_stored: LoadStored) -> None:
    """Monitor one domain until SIGTERM or SIGINT.

    Args:
        settings: of the domain.
        name: of this monitor; must be unique in the domain.
        port: for its endpoints; 0 picks a free one.
        load_stored: loads the reference of a model.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used.
        RedisUnavailableError: Redis does not answer at start.
    """
    logs.configure(settings)
    listener = bind(port, settings.host)

    def load_and_freeze(desired: DesiredModel) -> StoredReference:
        # the first load imports pandas and MLflow
        stored = load_stored(desired)
        freeze_objects()
        return stored

    app = build_monitor(settings, name, load_and_freeze, listener.getsockname()[1])
    calm_collector()
    serve(app, listener)


class Monitor:
    """The periodic tasks of one monitor.

    Args:
        settings: of the domain.
        name: of this monitor.
        url: of Redis.
        load_stored: loads the reference of a model.
        port: where its endpoints are served; None if they are not.

    Attributes:
        health: readiness and liveness of the monitor.
        registry: its metrics.
        scale_route: shows how much work waits.
        tracing: makes its spans.
    """

    def __init__(self, settings: Settings, name: str, url: str, load_stored: LoadStored, port: int | None) -> None:
        self._settings = settings
        self._url = url
        self._client = connect_async(url)
        self.tracing = open_tracing(settings, "monitor", name)
        self.health = Health(_STALL_S)
        self.scale_route = scale_route(self._client, settings.streams)
        self.registry = build_registry()
        domain = settings.load_domain()
        source = f"tasador/{domain.name}/monitor/{name}"
        self._drift = DriftReporter(self._client, domain, settings, load_stored, source, DriftMetrics(self.registry))
        self._archiver = Archiver(self._client, settings, domain, archive_of(settings))
        self._archive_metrics = ArchiveMetrics(self.registry)
        self._quality = QualityReporter(
            self._client,
            domain,
            settings,
            name,
            source,
            self._archiver.find_older,
            QualityMetrics(self.registry),
            self.tracing,
        )
        self._rollout = RolloutReporter(self._client, domain, settings, RolloutMetrics(self.registry))
        self._domain = domain
        self._sync_client = connect(url)
        self._retraining = RetrainTask(
            self._sync_client, settings.streams, domain, settings.loop, LoopMetrics(self.registry)
        )
        self._tasks: PeriodicTasks | None = None
        self._activities = Activities()
        key = settings.streams.monitors
        self._heartbeat = Heartbeat(self._client, key, MonitorHeartbeat, name, port, self.health, self._activities)

    async def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Check the server and start the tasks; `on_failure` is called with the error that ends a task, if any.

        Raises:
            RedisUnavailableError: Redis does not answer.
            ServerError: the server cannot keep the delivery guarantees.
        """
        with speaking_to(self._url):
            await check_server_async(self._client, self._settings.streams)
        logs.log_settings(self._settings)
        interval_s = self._settings.monitor.interval_s
        steps = [
            Step("loops", _BEAT_S, self._beat),
            Step("heartbeat", self._settings.heartbeat_s, self._heartbeat.beat, self._heartbeat.wakeup),
            Step("silent", FORGET_S, self._heartbeat.forget_silent),
            Step("params file", WATCH_S, SettingsWatch(self.health, self._settings.domain).check),
            Step("drift", interval_s, self._report_drift),
            Step("outcomes", min(_JOIN_S, interval_s), self._quality.process_outcomes),
            Step("quality", interval_s, self._report_quality),
            Step("rollout", interval_s, self._report_rollout),
            Step("loop", interval_s, self._retrain),
        ]
        if self._settings.archive.is_on:
            steps.append(Step("archive", min(_ARCHIVE_S, interval_s), self._archive))
        self._tasks = PeriodicTasks(on_failure, self.health)
        self._tasks.start(steps)
        self.health.clear("start")

    async def stop(self) -> None:
        """Stop the tasks and close the connections."""
        if self._tasks:
            await self._tasks.stop()
        try:
            await self._heartbeat.remove()
        except (RedisError, OSError) as error:
            logger.warning("could not remove the heartbeat", extra={"error": str(error)})
        self._sync_client.close()
        await self._client.aclose()
        await self.tracing.aclose()

    async def _beat(self) -> None:
        self.health.beat()

    async def _report_drift(self) -> None:
        try:
            with self._activities.doing("looking for drift"):
                report = await self._drift.report()
        except RETRIED:
            self._drift.record_failure()
            raise
        if report is not None:
            self._retraining.note_drift(report)
        if self._drift.reference is not None:
            self._quality.set_cut_points(find_cut_points(self._domain, self._drift.reference.columns))
            self._quality.set_calibration(self._drift.reference.stamp.version, self._drift.reference.calibration)
            self._rollout.set_reference(self._drift.reference.columns)

    async def _report_quality(self) -> None:
        try:
            self._retraining.note_quality(await self._quality.report())
        except RETRIED:
            self._quality.record_failure()
            raise

    async def _report_rollout(self) -> None:
        try:
            await self._rollout.report()
        except RETRIED:
            self._rollout.record_failure()
            raise

    async def _retrain(self) -> None:
        await self._retraining.run_once(self._drift.reference)

    async def _archive(self) -> None:
        try:
            with self._activities.doing("writing the audit log"):
                progress = await self._archiver.run_once(await now_ms_async(self._client))
            self._archive_metrics.record(progress, await self._archiver.lag())
        except RETRIED:
            self._archive_metrics.record_failure()
            raise


def build_monitor(settings: Settings, name: str, load_stored: LoadStored, port: int | None = None) -> ServedApp:
    """The application of one monitor, whose endpoints are served on the port, if they are served."""
    url = required_redis_url(settings)
    monitor = Monitor(settings, name, url, load_stored, port)
    specification = describe("monitor", settings.load_domain(), settings.streams)
    broker = build_broker(url, monitor.registry, monitor.tracing)
    app = build_app(ServedApp, broker, monitor.health, monitor.registry, specification, [monitor.scale_route])

    @app.after_startup
    async def start() -> None:
        await monitor.start(app.fail)

    app.on_shutdown(monitor.stop)
    return app
