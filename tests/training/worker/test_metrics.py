from __future__ import annotations

from service.metrics import build_registry
from training.worker.metrics import JobMetrics


def test_trainings_and_commands_are_counted_by_outcome() -> None:
    registry = build_registry()
    metrics = JobMetrics(lambda: True, registry)
    metrics.record_job(["training.finished", "model.activated"], 12.0)
    metrics.record_job(["model.activated"], 0.2)
    metrics.set_champion("7", "2026-11-20T12:00:00+00:00")
    read = registry.get_sample_value
    assert read("tasador_jobs_total", {"job": "training", "outcome": "model.activated"}) == 1
    assert read("tasador_jobs_total", {"job": "command", "outcome": "model.activated"}) == 1
    assert read("tasador_jobs_total", {"job": "training", "outcome": "training.failed"}) == 0
    assert read("tasador_job_seconds_sum", {"job": "training"}) == 12.0
    assert read("tasador_training_running") == 1
    assert read("tasador_champion_trained_timestamp_seconds") == 1795176000.0
    assert read("tasador_champion_info", {"version": "7"}) == 1
