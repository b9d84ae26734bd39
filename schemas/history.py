"""The history of a domain's models: one record for each change or refused change, kept for good."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from schemas.commands import ModelEventType, RetrainCause
from schemas.frozen_model import FrozenModel

Deed = Literal[
    "reload",
    "promote",
    "rollback",
    "retrain",
    "cancel",
    "pause",
    "resume",
    "train",
    "stage",
    "champion",
    "rollout_start",
    "rollout_adjust",
    "rollout_stop",
]
"""What was asked for. `champion`: the alias was moved in the registry without a command; `train`: without a worker;
`cancel`: that a training stops; `pause`, `resume`: of the retraining loop."""


class Change(FrozenModel):
    """One change of a domain's models, with who asked for it, why, and what came of it.

    Attributes:
        time: of the result.
        deed: what was asked for.
        result: the final event's type; of what no worker carried out, ``registered`` of a training, and of a decision
            its verdict (`registry.decisions.Decision`).
        actor: who asked; `unknown` where nobody is recorded.
        command_id: of the command; of a decision in the registry, that decision's id.
        cause: why a retraining was requested.
        is_forced: whether it overrode the gate.
        reason: what the actor gave as the reason.
        version: that was activated, trained or refused.
        before: the version that was desired until then.
        champion: the champion from then on.
        message: why it was refused or failed.
    """

    time: AwareDatetime
    deed: Deed
    result: ModelEventType | Literal["registered", "passed", "staged", "forced", "failed", "activated"]
    actor: str = "unknown"
    command_id: str | None = None
    cause: RetrainCause | None = None
    is_forced: bool = False
    reason: str = ""
    version: str | None = None
    before: str | None = None
    champion: str | None = None
    message: str = ""
