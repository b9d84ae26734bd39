"""What commands about rollouts say; `schemas.commands` has the commands."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.events import Text
from schemas.rollouts import RolloutMode, StopCause

ReasonText = Annotated[str, Field(max_length=1000)]
Share = Annotated[float, Field(gt=0, le=1)]
"""A share of the listings."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutStartData(_Data):
    """Which version to put beside the champion, and how.

    Attributes:
        version: of the challenger.
        mode: by default a shadow.
        share: of the listings that the rollout concerns; by default that of the mode (`schemas.rollouts`).
        salt: of the hash that chooses them; a new one by default, so that rollouts choose independently.
        pairs: whether both models score them; by default as the settings say.
        until: when it ends by itself.
        follows_steps: begin with the first of `rollout.steps`, and let the monitor move it on.
    """

    version: str
    mode: RolloutMode = "shadow"
    share: Share | None = None
    salt: Text = Field(default_factory=lambda: uuid.uuid4().hex)
    pairs: bool | None = None
    until: AwareDatetime | None = None
    follows_steps: bool = False
    reason: ReasonText = ""


class RolloutAdjustData(_Data):
    """What to change of the rollout; None leaves it.

    `rollout` is the entry id of its start: the command is refused if another one runs by then.
    """

    rollout: str | None = None
    mode: RolloutMode | None = None
    share: Share | None = None
    pairs: bool | None = None
    until: AwareDatetime | None = None
    follows_steps: bool | None = None
    reason: ReasonText = ""


class RolloutStopData(_Data):
    """Why the rollout ends: `guardrail` names the one that failed. `rollout` as of `RolloutAdjustData`."""

    rollout: str | None = None
    cause: StopCause = "operator"
    guardrail: Text | None = None
    reason: ReasonText = ""
