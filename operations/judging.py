"""Whether a domain is healthy, degraded or down, with the reasons; the runbook has a section for each reason."""

from __future__ import annotations

from collections.abc import Iterator

from operations.processes import AnyProcess, ConsumerStatus, Processes
from schemas.frozen_model import FrozenModel
from schemas.states import DesiredModel
from service.no_model import NO_MODEL, explain_no_model

STUCK_S = 60
"""Age of the oldest pending entry from which the status is degraded."""


class BacklogStatus(FrozenModel):
    """Unanswered entries; `is_exact` as in `transport.backlog`."""

    total: int
    undelivered: int
    pending: int
    is_exact: bool
    oldest_pending_s: float


def judge(
    domain: str,
    processes: Processes,
    model: DesiredModel | None,
    backlog: BacklogStatus,
    high_water: int | None,
) -> tuple[bool, tuple[str, ...]]:
    """Whether the domain is down, and the reasons why it is not healthy."""
    living = [consumer.heartbeat for consumer in processes.consumers if consumer.is_living]
    reasons = [] if living else ["no consumer lives"]
    if model is None:
        trainers = [trainer.heartbeat for trainer in processes.trainers]
        reasons.append(explain_no_model(trainers, processes.at_ms, domain))
    if not any(trainer.is_living and trainer.heartbeat.is_worker for trainer in processes.trainers):
        reasons.append("no training worker lives")
    if not any(monitor.is_living for monitor in processes.monitors):
        reasons.append("no monitor lives")
    known = NO_MODEL if model is None else None
    reasons.extend(problem for process in processes.all for problem in _problems(process, known))
    reasons.extend(problem for consumer in processes.consumers for problem in _other_model(consumer, model))
    if backlog.oldest_pending_s > STUCK_S:
        reasons.append(f"an entry has been pending for {backlog.oldest_pending_s:.0f} s")
    if high_water is not None and backlog.total >= high_water:
        reasons.append(f"the backlog of {backlog.total} has reached the high-water mark {high_water}")
    return not any(heartbeat.state == "running" for heartbeat in living), tuple(reasons)


def _problems(process: AnyProcess, known: str | None) -> Iterator[str]:
    """The problems of a process, without reasons that contain the known one."""
    heartbeat = process.heartbeat
    reasons = [reason for reason in heartbeat.reasons if known is None or known not in reason]
    name = heartbeat.name
    if len(reasons) < len(heartbeat.reasons) and not reasons:
        return
    if not process.is_living:
        yield f"{name}: no heartbeat for {process.silent_s:.0f} s"
    elif heartbeat.state != "running" or reasons:
        yield f"{name}: {heartbeat.state}" + (f" ({'; '.join(reasons)})" if reasons else "")


def _other_model(consumer: ConsumerStatus, model: DesiredModel | None) -> Iterator[str]:
    heartbeat = consumer.heartbeat
    if consumer.is_living and model is not None and heartbeat.activation not in {None, model.activation}:
        yield f"{heartbeat.name}: runs version {heartbeat.version}, {model.version} is desired"
