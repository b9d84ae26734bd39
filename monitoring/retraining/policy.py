"""The retrain policy: whether the evidence is a reason to retrain, and whether a retrain may start now.

Quality comes first, because it is what a model is for; then persistent drift; then age. Retraining does not promote by
itself: the new model must still pass the gate.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.commands import RetrainCause
from schemas.sections import LoopSettings

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RetrainEvidence:
    """What the monitor knows about the active model.

    Attributes:
        at_ms: time of the evidence, by Redis's clock.
        error: mean absolute error, or share of wrong classes, of the predictions of the last 24 hours that have an
            outcome; None without any.
        expected_error: the same figure over folds when the champion was trained; None where it is unknown.
        labelled: number of predictions behind `error`.
        has_sudden_loss: whether the change detector found a sudden rise of the errors.
        drift_reports: number of consecutive reports of drift.
        active_since_ms: when the model was activated; None where there is none.
    """

    at_ms: int
    error: float | None = None
    expected_error: float | None = None
    labelled: int = 0
    has_sudden_loss: bool = False
    drift_reports: int = 0
    active_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RetrainReason:
    """A reason to retrain: its cause, and a message for operators."""

    cause: RetrainCause
    message: str


@dataclass(frozen=True, slots=True)
class RetrainHistory:
    """The retrain commands of the last 24 hours.

    Attributes:
        last_ms: time of the monitor's last command; None without any.
        today: number of the monitor's commands.
        is_waiting: whether any retrain command, the monitor's or an operator's, is unanswered.
    """

    last_ms: int | None = None
    today: int = 0
    is_waiting: bool = False


def find_retrain_reason(evidence: RetrainEvidence, limits: LoopSettings) -> RetrainReason | None:
    """The first reason to retrain; None if there is none."""
    return _find_loss(evidence, limits) or _find_drift(evidence, limits) or _find_age(evidence, limits)


def find_obstacle(history: RetrainHistory, at_ms: int, limits: LoopSettings) -> str | None:
    """Why a retrain may not start now; None if it may."""
    if history.is_waiting:
        return "a training is running or waiting"
    if history.today >= limits.max_per_day:
        return f"requested {history.today} times within 24 hours (loop.max_per_day)"
    if history.last_ms is not None and at_ms - history.last_ms < limits.cooldown_s * 1000:
        return f"requested {(at_ms - history.last_ms) / 1000:.0f} s ago (loop.cooldown_s)"
    return None


def _find_loss(evidence: RetrainEvidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.error is None or evidence.labelled < limits.min_labelled:
        return None
    if evidence.has_sudden_loss:
        message = f"the error rose suddenly: {evidence.error:.3g} over {evidence.labelled} outcomes"
        return RetrainReason("quality", message)
    if evidence.expected_error is None:
        return None
    if evidence.error <= evidence.expected_error * (1 + limits.max_error_gain):
        return None
    message = f"error {evidence.error:.3g} over {evidence.labelled} outcomes, {evidence.expected_error:.3g} in training"
    return RetrainReason("quality", message)


def _find_drift(evidence: RetrainEvidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.drift_reports < limits.drift_reports:
        return None
    return RetrainReason("drift", f"{evidence.drift_reports} consecutive reports of drift")


def _find_age(evidence: RetrainEvidence, limits: LoopSettings) -> RetrainReason | None:
    if evidence.active_since_ms is None or evidence.at_ms - evidence.active_since_ms < limits.max_age_s * 1000:
        return None
    days = (evidence.at_ms - evidence.active_since_ms) / DAY_MS
    return RetrainReason("schedule", f"the model has been active for {days:.0f} days")
