"""The jobs of a domain: what its processes are doing beside their main loops, from their heartbeats."""

from __future__ import annotations

from operations.processes import Processes
from schemas.frozen_model import FrozenModel
from schemas.states import Activity


class Job(FrozenModel):
    """What a process is doing beside its main loop, and for how long."""

    process: str
    activity: Activity
    seconds: float
    phase_seconds: float | None = None


def find_jobs(processes: Processes) -> list[Job]:
    """The jobs of living processes, the longest first."""
    at_ms = processes.at_ms
    jobs = [
        Job(
            process=each.heartbeat.name,
            activity=one,
            seconds=max(at_ms - one.since_ms, 0) / 1000,
            phase_seconds=None if one.phase_since_ms is None else max(at_ms - one.phase_since_ms, 0) / 1000,
        )
        for each in processes.all
        if each.is_living
        for one in each.heartbeat.activities
    ]
    return sorted(jobs, key=lambda job: job.seconds, reverse=True)
