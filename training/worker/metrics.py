"""Prometheus metrics of a training worker: commands by outcome, their duration, and the champion's age."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import nan
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from schemas.commands import ModelEventType

JOBS = ("training", "command")
"""A training up to its reply, or any other command."""

OUTCOMES: tuple[ModelEventType, ...] = (
    "model.activated",
    "model.rejected",
    "training.failed",
    "training.skipped",
    "training.cancelled",
    "loop.paused",
    "loop.resumed",
    "rollout.started",
    "rollout.adjusted",
    "rollout.stopped",
    "command.done",
    "command.rejected",
)
"""Event types with which a job can end."""

_JOB_BOUNDS_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)


class JobMetrics:
    """The metrics of one worker.

    Args:
        is_training: whether a training is running.
        registry: where the metrics are registered (`service.metrics.build_registry`).
    """

    def __init__(self, is_training: Callable[[], bool], registry: CollectorRegistry) -> None:
        training = Gauge("tasador_training_running", "Whether a training is running: 0 or 1", registry=registry)
        training.set_function(lambda: int(is_training()))
        self._jobs = Counter("tasador_jobs", "Commands replied to, by outcome", ["job", "outcome"], registry=registry)
        for job in JOBS:
            for outcome in OUTCOMES:
                self._jobs.labels(job, outcome)  # so that each series begins at 0
        seconds = Histogram(
            "tasador_job_seconds", "From a command to its reply", ["job"], buckets=_JOB_BOUNDS_S, registry=registry
        )
        self._seconds = {job: seconds.labels(job) for job in JOBS}
        self._trained = Gauge(
            "tasador_champion_trained_timestamp_seconds",
            "When the champion was trained",
            registry=registry,
        )
        self._trained.set(nan)
        self._champion = Info("tasador_champion", "The champion in the registry", registry=registry)

    def record_job(self, events: Sequence[ModelEventType], seconds: float) -> None:
        """Count a command by the events of its reply, the last being final, with the seconds since it was sent."""
        is_training = any(event.startswith("training.") for event in events)
        job: Literal["training", "command"] = "training" if is_training else "command"
        self._jobs.labels(job, events[-1]).inc()
        self._seconds[job].observe(max(seconds, 0.0))

    def set_champion(self, version: str, trained_at: str) -> None:
        """Show the champion; `trained_at` is ISO 8601, or empty where it is unknown."""
        self._champion.info({"version": version})
        self._trained.set(datetime.fromisoformat(trained_at).timestamp() if trained_at else nan)
