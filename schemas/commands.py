"""Commands to the training worker, and the events that tell what happened to models."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from schemas.events import Text


def _now() -> datetime:
    return datetime.now(UTC)


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Text = Field(default_factory=lambda: str(uuid.uuid4()))
    time: AwareDatetime = Field(default_factory=_now)
    actor: Text = "unknown"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReloadData(_Data):
    """Which model to activate: a version, or an alias; champion by default."""

    version: str | None = None
    alias: str | None = None


class Reload(_Command):
    """Activate a version, or what an alias names."""

    type: Literal["model.reload"] = "model.reload"
    data: ReloadData = ReloadData()


class RetrainData(_Data):
    """How to train, and why; `force` trains also where nothing has changed, and with a reason passes the gate."""

    models: tuple[str, ...] = ()
    force: bool = False
    reason: str = ""


class Retrain(_Command):
    """Train, and let the gate decide about the result."""

    type: Literal["model.retrain"] = "model.retrain"
    data: RetrainData = RetrainData()


class PromoteData(_Data):
    """Which version to promote; `force` overrides the gate and wants a reason, which is kept."""

    version: str
    force: bool = False
    reason: str = ""


class Promote(_Command):
    """Make a version champion, through the gate."""

    type: Literal["model.promote"] = "model.promote"
    data: PromoteData


class Rollback(_Command):
    """Go back to the previous champion."""

    type: Literal["model.rollback"] = "model.rollback"
    data: _Data = _Data()


Command = Annotated[Reload | Retrain | Promote | Rollback, Field(discriminator="type")]
COMMANDS: TypeAdapter[Reload | Retrain | Promote | Rollback] = TypeAdapter(Command)
"""Reads any command from JSON; raises pydantic.ValidationError."""

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
    """A model event's data; which fields are set depends on the type."""

    model_config = ConfigDict(extra="allow", frozen=True)

    command_id: str | None = None
    version: str | None = None
    activation: str | None = None
    consumer: str | None = None
    reason: str | None = None
    message: str | None = None
    load_ms: float | None = None


class ModelEvent(BaseModel):
    """What happened to a model; the entry id of a `model.activated` is the activation."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    source: str
    type: ModelEventType
    time: AwareDatetime = Field(default_factory=_now)
    data: ModelEventData = ModelEventData()

    @classmethod
    def of(cls, source: str, event_type: ModelEventType, **data: Any) -> ModelEvent:
        """An event with these data, new id, now."""
        return cls(source=source, type=event_type, data=ModelEventData(**data))
