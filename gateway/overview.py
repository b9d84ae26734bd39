"""The state of one domain as its routes show it, read with the libraries of operators at most once a second."""

from __future__ import annotations

import threading
import time

import redis.exceptions

from gateway.documents import FeatureDocument, HealthDocument, MetricsDocument, ServedModelDocument
from gateway.served_domain import ServedDomain
from operations.status import Status, read_status

_KEPT_S = 1.0


class Overview:
    """Reads the state of one domain. Threads may share it.

    Args:
        served: the domain.
    """

    def __init__(self, served: ServedDomain) -> None:
        self._served = served
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._read_s = 0.0
        self._started_s = time.monotonic()

    def status(self) -> Status:
        """The status, at most a second old.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        served = self._served
        with self._lock:
            if self._status is None or time.monotonic() - self._read_s > _KEPT_S:
                settings = served.settings
                self._status = read_status(
                    served.operations_client, served.streams, served.domain, settings.high_water, settings.retention
                )
                self._read_s = time.monotonic()
            return self._status

    def health(self) -> HealthDocument:
        """The state in a word; degraded where Redis does not answer."""
        obstacle = self._served.availability.obstacle
        total, warnings = None, [obstacle] if obstacle else []
        try:
            status = self.status()
        except (redis.exceptions.RedisError, OSError) as error:
            obstacle = f"Redis does not answer: {error}"
            warnings = [obstacle]
        else:
            total = status.totals.scored
            warnings += status.reasons
        return HealthDocument(
            status="degraded" if obstacle else "warning" if warnings else "healthy",
            model_loaded=not obstacle,
            model_version=None if obstacle else self._served.availability.version,
            uptime_hours=self._uptime_hours,
            total_predictions=total,
            warnings=warnings,
        )

    def metrics(self) -> MetricsDocument:
        """The figures.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        status, times = self.status(), self._served.metrics.times
        spread = status.predictions
        return MetricsDocument(
            total_predictions=status.totals.scored,
            predictions_per_hour=round(status.rate_per_s * 3600, 1),
            avg_inference_time=times and times.avg,
            p50_inference_time=times and times.p50,
            p95_inference_time=times and times.p95,
            p99_inference_time=times and times.p99,
            avg_prediction=spread and spread.mean,
            std_prediction=spread and spread.sd,
            refused=status.totals.refused,
            repeats=status.totals.repeats,
            backlog=status.backlog.total,
            uptime_hours=self._uptime_hours,
        )

    def model(self) -> ServedModelDocument:
        """The model.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        status, domain = self.status(), self._served.domain
        model = status.model
        return ServedModelDocument(
            model_name=domain.name,
            model_version=model and model.version,
            champion=status.serving.champion,
            activation=model and model.activation,
            digest=model and model.digest,
            active=status.serving.active,
            task=domain.task,
            target=domain.target.name,
            unit=domain.target.unit,
            classes=list(domain.target.classes),
            features=[
                FeatureDocument(
                    name=feature.column,
                    kind=feature.kind,
                    unit=feature.unit,
                    description=feature.description,
                    may_miss=feature.may_miss,
                    minimum=feature.ge,
                    maximum=feature.le,
                    categories=list(feature.categories),
                )
                for feature in domain.features
            ],
        )

    @property
    def _uptime_hours(self) -> float:
        return round((time.monotonic() - self._started_s) / 3600, 4)
