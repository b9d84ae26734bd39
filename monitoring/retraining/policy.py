"""The policy: whether what is seen is a reason to train again, and whether now is the time.

Quality comes first, since it is what a model is for; then drift that stays; then age. Drift alone never promotes: what
comes of the training still has to pass the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.sections import LoopSettings

DAY_MS = 86_400_000

Cause = Literal["quality", "drift", "age"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the monitor knows.

    Attributes:
        at_ms: when, on Redis's clock.
        error: mean absolute error over the labelled predictions of the last 24 hours, or their share of wrong classes;
            None without any.
        expected_error: the same figure over folds, when the champion was trained; None where nobody noted it.
        labelled: how many predictions `error` is taken over.
        has_lost_suddenly: whether the errors have jumped, as a change detector sees it.
        drifting: how many reports in a row said `drift`.
        in_charge_ms: since when the model has been in charge; None where there is none.
    """

    at_ms: int
    error: float | None = None
    expected_error: float | None = None
    labelled: int = 0
    has_lost_suddenly: bool = False
    drifting: int = 0
    in_charge_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RetrainReason:
    """A reason to train again, for machines and for people."""

    cause: Cause
    message: str


@dataclass(frozen=True, slots=True)
class History:
    """What the monitor has asked for already.

    Attributes:
        last_ms: when it last asked for a training; None if it never did.
        today: how often in the last 24 hours.
        is_waiting: whether a training is asked for and not answered yet, whoever asked.
    """

    last_ms: int | None = None
    today: int = 0
    is_waiting: bool = False


def find_retrain_reason(evidence: Evidence, limits: LoopSettings) -> RetrainReason | None:
    """The first reason to train again, if there is one."""
    for find in (_quality, _drift, _age):
        if found := find(evidence, limits):
            return found
    return None


def obstacle(history: History, at_ms: int, limits: LoopSettings) -> str | None:
    """Why now is not the time; None if it is."""
    if history.is_waiting:
        return "a training goes on"
    if history.today >= limits.max_per_day:
        return f"asked {history.today} times within 24 hours (loop.max_per_day)"
    if history.last_ms is not None and at_ms - history.last_ms < limits.cooldown_s * 1000:
        return f"asked {(at_ms - history.last_ms) / 1000:.0f} s ago (loop.cooldown_s)"
    return None


def _quality(evidence: Evidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.error is None or evidence.labelled < limits.min_labelled:
        return None
    if evidence.has_lost_suddenly:
        return RetrainReason(
            "quality", f"the errors have jumped: {evidence.error:.3g} over {evidence.labelled} outcomes"
        )
    if evidence.expected_error is None:
        return None
    most = evidence.expected_error * (1 + limits.max_error_gain)
    if evidence.error <= most:
        return None
    told = f"error {evidence.error:.3g} over {evidence.labelled} outcomes, {evidence.expected_error:.3g} in training"
    return RetrainReason("quality", told)


def _drift(evidence: Evidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.drifting < limits.drift_reports:
        return None
    return RetrainReason("drift", f"{evidence.drifting} reports in a row said drift")


def _age(evidence: Evidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.in_charge_ms is None or evidence.at_ms - evidence.in_charge_ms < limits.max_age_s * 1000:
        return None
    return RetrainReason(
        "age", f"the model has been in charge for {(evidence.at_ms - evidence.in_charge_ms) / DAY_MS:.0f} days"
    )
