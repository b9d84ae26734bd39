"""Prometheus metrics of a training worker: what became of commands, how long they took, how old the champion is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from math import nan
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from schemas.commands import ModelEventType

JOBS = ("training", "command")
"""A training with all that follows from it, or a command that is answered at once."""

OUTCOMES: tuple[ModelEventType, ...] = (
    "model.activated",
    "model.rejected",
    "training.failed",
    "training.skipped",
    "command.rejected",
)
"""Events with which a job can end."""

_JOB_BOUNDS_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)


class JobMetrics:
    """The metrics of one worker.

    Args:
        is_training: tells whether a training goes on.
        registry: where the metrics are registered (`consumer.metrics.build_registry`).
    """

    def __init__(self, is_training: Callable[[], bool], registry: CollectorRegistry) -> None:
        training = Gauge("tasador_training_running", "Whether a training goes on: 0 or 1", registry=registry)
        training.set_function(lambda: int(is_training()))
        self._jobs = Counter(
            "tasador_jobs", "Commands answered, by how they ended", ["job", "outcome"], registry=registry
        )
        for job in JOBS:
            for outcome in OUTCOMES:
                self._jobs.labels(job, outcome)  # so that each series begins at 0
        seconds = Histogram(
            "tasador_job_seconds", "From a command to its answer", ["job"], buckets=_JOB_BOUNDS_S, registry=registry
        )
        self._seconds = {job: seconds.labels(job) for job in JOBS}
        self._trained = Gauge(
            "tasador_champion_trained_timestamp_seconds",
            "When the champion was trained",
            registry=registry,
        )
        self._trained.set(nan)
        self._champion = Info("tasador_champion", "The champion in the registry", registry=registry)

    def record_job(self, told: Sequence[ModelEventType], seconds: float) -> None:
        """A command was answered with these events, the last being final, so long after it was sent."""
        job: Literal["training", "command"] = "training" if any(t.startswith("training.") for t in told) else "command"
        self._jobs.labels(job, told[-1]).inc()
        self._seconds[job].observe(max(seconds, 0.0))

    def set_champion(self, version: str, trained_at: str) -> None:
        """This version is champion; `trained_at` as in ISO 8601, empty where nobody noted it."""
        self._champion.info({"version": version})
        self._trained.set(datetime.fromisoformat(trained_at).timestamp() if trained_at else nan)
