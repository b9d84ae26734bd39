"""Commands to the training worker, and the events that it and consumers publish about models."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from schemas.events import EventEnvelope, Text, Traceparent
from schemas.rollout_commands import ReasonText, RolloutAdjustData, RolloutStartData, RolloutStopData
from schemas.rollouts import RolloutEnd, RolloutMode


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Text = Field(default_factory=lambda: str(uuid.uuid4()))
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    actor: Text = "unknown"
    traceparent: Traceparent | None = None


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


RetrainCause = Literal["operator", "quality", "drift", "schedule"]
"""Who or what asks for a retraining: an operator, or the monitor for one of three reasons."""


class ReloadData(_Data):
    """Which model to activate: a version, or an alias; champion by default.

    `force` activates a version that never passed the gate, and requires a reason, which is kept.
    """

    version: str | None = None
    alias: str | None = None
    force: bool = False
    reason: ReasonText = ""


class Reload(_Command):
    """Activate a version, or the version of an alias."""

    type: Literal["model.reload"] = "model.reload"
    data: ReloadData = ReloadData()


class RetrainData(_Data):
    """How to train, and why; `force` trains even if nothing has changed, and with a reason overrides the gate."""

    models: tuple[str, ...] = ()
    force: bool = False
    cause: RetrainCause = "operator"
    reason: ReasonText = ""


class Retrain(_Command):
    """Train, and pass the result to the gate."""

    type: Literal["model.retrain"] = "model.retrain"
    data: RetrainData = RetrainData()


class PromoteData(_Data):
    """Which version to promote; `force` overrides the gate and requires a reason, which is stored."""

    version: str
    force: bool = False
    reason: ReasonText = ""


class Promote(_Command):
    """Make a version champion if it passes the gate."""

    type: Literal["model.promote"] = "model.promote"
    data: PromoteData


class ReasonData(_Data):
    """Why; kept in the history."""

    reason: ReasonText = ""


class Rollback(_Command):
    """Go back to the version that answered before, whatever activated the present one."""

    type: Literal["model.rollback"] = "model.rollback"
    data: ReasonData = ReasonData()


class CancelTraining(_Command):
    """Stop the training that runs; its command is answered with `training.cancelled`."""

    type: Literal["training.cancel"] = "training.cancel"
    data: ReasonData = ReasonData()


class PauseLoop(_Command):
    """Have the monitor neither retrain nor roll back by itself, until the loop is resumed."""

    type: Literal["loop.pause"] = "loop.pause"
    data: ReasonData = ReasonData()


class ResumeLoop(_Command):
    """Resume the monitor's retraining loop."""

    type: Literal["loop.resume"] = "loop.resume"
    data: ReasonData = ReasonData()


class StartRollout(_Command):
    """Put a challenger beside the champion; refused while there is a rollout."""

    type: Literal["rollout.start"] = "rollout.start"
    data: RolloutStartData


class AdjustRollout(_Command):
    """Change mode, share, pairs or end of the rollout; listings that it concerns stay so while its share grows."""

    type: Literal["rollout.adjust"] = "rollout.adjust"
    data: RolloutAdjustData


class StopRollout(_Command):
    """End the rollout; the champion answers all listings."""

    type: Literal["rollout.stop"] = "rollout.stop"
    data: RolloutStopData = RolloutStopData()


RolloutCommand: TypeAlias = StartRollout | AdjustRollout | StopRollout
ModelCommand: TypeAlias = Reload | Retrain | Promote | Rollback | CancelTraining
Command = Annotated[ModelCommand | PauseLoop | ResumeLoop | RolloutCommand, Field(discriminator="type")]
COMMANDS: TypeAdapter[ModelCommand | PauseLoop | ResumeLoop | RolloutCommand] = TypeAdapter(Command)
"""Parses any command from JSON; raises pydantic.ValidationError."""

ModelEventType = Literal[
    "model.activated",
    "model.swapped",
    "model.rejected",
    "training.started",
    "training.finished",
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
]


class ModelEventData(BaseModel):
    """A model event's data; the type determines which fields are set.

    Of `model.activated`, `champion` is the champion from then on, which may be another version than the activated one,
    and `before` is the version that was desired until then.

    Events about rollouts carry the fields from `rollout` on, as the rollout is from then on. `rollout` is the entry id
    of its start, which `rollout.started` itself does not carry; `version` is the challenger's, and `by` who asked. Of
    `rollout.stopped`, `cause` says why it ended, `guardrail` which one failed, `message` the reason that was given.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    command_id: str | None = None
    version: str | None = None
    champion: str | None = None
    before: str | None = None
    activation: str | None = None
    consumer: str | None = None
    reason: str | None = None
    message: str | None = None
    load_ms: float | None = None
    rollout: str | None = None
    mode: RolloutMode | None = None
    share: float | None = None
    salt: str | None = None
    pairs: bool | None = None
    until: AwareDatetime | None = None
    follows_steps: bool | None = None
    cause: RolloutEnd | None = None
    guardrail: str | None = None
    by: str | None = None


class ModelEvent(EventEnvelope):
    """An event about a model; the entry id of `model.activated` is the activation."""

    type: ModelEventType
    data: ModelEventData = ModelEventData()

    @classmethod
    def of(cls, source: str, event_type: ModelEventType, **data: Any) -> ModelEvent:
        """A new event with these data and the current time."""
        return cls(source=source, type=event_type, data=ModelEventData(**data))
