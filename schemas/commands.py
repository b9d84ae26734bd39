"""Commands to the training worker, and the events that it and consumers publish about models."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from schemas.events import EventEnvelope, Text


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Text = Field(default_factory=lambda: str(uuid.uuid4()))
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    actor: Text = "unknown"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReloadData(_Data):
    """Which model to activate: a version, or an alias; champion by default."""

    version: str | None = None
    alias: str | None = None


class Reload(_Command):
    """Activate a version, or the version of an alias."""

    type: Literal["model.reload"] = "model.reload"
    data: ReloadData = ReloadData()


class RetrainData(_Data):
    """How to train, and why; `force` trains even if nothing has changed, and with a reason overrides the gate."""

    models: tuple[str, ...] = ()
    force: bool = False
    reason: str = ""


class Retrain(_Command):
    """Train, and pass the result to the gate."""

    type: Literal["model.retrain"] = "model.retrain"
    data: RetrainData = RetrainData()


class PromoteData(_Data):
    """Which version to promote; `force` overrides the gate and requires a reason, which is stored."""

    version: str
    force: bool = False
    reason: str = ""


class Promote(_Command):
    """Make a version champion if it passes the gate."""

    type: Literal["model.promote"] = "model.promote"
    data: PromoteData


class Rollback(_Command):
    """Roll back to the previous champion."""

    type: Literal["model.rollback"] = "model.rollback"
    data: _Data = _Data()


Command = Annotated[Reload | Retrain | Promote | Rollback, Field(discriminator="type")]
COMMANDS: TypeAdapter[Reload | Retrain | Promote | Rollback] = TypeAdapter(Command)
"""Parses any command from JSON; raises pydantic.ValidationError."""

ModelEventType = Literal[
    "model.activated",
    "model.swapped",
    "model.rejected",
    "training.started",
    "training.finished",
    "training.failed",
    "training.skipped",
    "command.rejected",
]


class ModelEventData(BaseModel):
    """A model event's data; the type determines which fields are set."""

    model_config = ConfigDict(extra="allow", frozen=True)

    command_id: str | None = None
    version: str | None = None
    activation: str | None = None
    consumer: str | None = None
    reason: str | None = None
    message: str | None = None
    load_ms: float | None = None


class ModelEvent(EventEnvelope):
    """An event about a model; the entry id of `model.activated` is the activation."""

    type: ModelEventType
    data: ModelEventData = ModelEventData()

    @classmethod
    def of(cls, source: str, event_type: ModelEventType, **data: Any) -> ModelEvent:
        """A new event with these data and the current time."""
        return cls(source=source, type=event_type, data=ModelEventData(**data))
