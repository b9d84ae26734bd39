"""Progressive delivery: which step of `rollout.steps` a rollout is at, and whether it may move on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.rollouts import DesiredRollout, RolloutStep
from transport.entries import EntryId


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Where a rollout is.

    Attributes:
        position: of its step, from 0; None if its mode and share are those of no step.
        left_s: how long guardrails must hold until it may move on; at most 0 if it may.
        following: the next step; None after the last one, when the challenger is promoted.
    """

    position: int | None
    left_s: float
    following: RolloutStep | None


def find_progress(rollout: DesiredRollout, steps: Sequence[RolloutStep], now_ms: int) -> StepProgress:
    """Where a rollout is at a time of Redis's clock; a step begins with the rollout's last change."""
    for position, step in enumerate(steps):
        if step.mode == rollout.mode and step.share == rollout.share:
            held_s = (now_ms - EntryId.parse(rollout.revision).ms) / 1000
            following = steps[position + 1] if position + 1 < len(steps) else None
            return StepProgress(position, step.hold_s - held_s, following)
    return StepProgress(None, 0.0, None)
