"""Rollouts: a challenger beside the champion. Modes, arms, the desired rollout, and the steps of a progressive one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime

from schemas.frozen_model import FrozenModel
from schemas.states import DesiredModel

RolloutMode = Literal["shadow", "canary", "split"]
"""Who answers the listings that a rollout concerns: the champion in a shadow, the challenger in the others. A canary is
meant to grow until the challenger is promoted, a split to stay as it is while its arms are compared."""

ArmName = Literal["champion", "challenger"]
"""The model that is to answer a listing. In a shadow it is the champion for every listing."""

RolloutEnd = Literal["operator", "guardrail", "verdict", "promoted", "replaced", "expired"]
"""Why a rollout ended: an operator, a guardrail or the verdict on outcomes stopped it; its challenger became the
desired model; another version did; or its time was over."""

StopCause = Literal["operator", "guardrail", "verdict"]
"""The ends that a command can ask for."""

DEFAULT_SHARES: Mapping[RolloutMode, float] = {"shadow": 1.0, "canary": 0.05, "split": 0.5}
"""The share of the listings that a rollout concerns unless its command says so."""

FAILURES_GUARDRAIL = "failures"
"""The guardrail that stops a rollout when too many consumers have died with its challenger loaded."""

_STEP = re.compile(r"(shadow|0?\.\d+|1(?:\.0+)?) (\d+(?:\.\d+)?)(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class DesiredRollout(FrozenModel):
    """The rollout that every consumer must carry out: the hash `rollout`, which exists only while there is one.

    The worker writes it in the script that writes the event about it.

    Attributes:
        id: entry id of its `rollout.started`; predictions of the challenger carry it as their activation too.
        revision: entry id of the last event about it, `rollout.started` or `rollout.adjusted`.
        mode: who answers the listings that it concerns.
        version: of the challenger, in the registry.
        digest: of the challenger's artifact.
        uri: of the challenger's artifact.
        share: of the listings that it concerns (`schemas.arms`); above 0, at most 1.
        salt: of the hash by which they are chosen.
        pairs: whether both models score them, and the pairs are kept (`schemas.pairs`); always so in a shadow.
        champion: version of the desired model when it began.
        until: when it ends by itself; None for never.
        follows_steps: whether the monitor moves it on by `rollout.steps` and has the challenger promoted at the end.
        actor: who started it.
        command_id: the command that started it.
    """

    id: str
    revision: str
    mode: RolloutMode
    version: str
    digest: str
    uri: str
    share: float
    salt: str
    pairs: bool
    champion: str
    until: AwareDatetime | None = None
    follows_steps: bool = False
    actor: str = "unknown"
    command_id: str | None = None

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> DesiredRollout | None:
        """Read it from the hash; None if there is no rollout."""
        if not fields:
            return None
        return cls.model_validate({name.decode(): value.decode() for name, value in fields.items()})

    @property
    def challenger(self) -> DesiredModel:
        """The challenger, as a model that is to be loaded."""
        return DesiredModel(activation=self.id, version=self.version, digest=self.digest, uri=self.uri)

    @property
    def has_pairs(self) -> bool:
        """Whether both models score the listings that it concerns."""
        return self.pairs or self.mode == "shadow"

    def arm_of(self, *, in_share: bool) -> ArmName:
        """The arm of a listing, by whether the rollout concerns it."""
        return "challenger" if in_share and self.mode != "shadow" else "champion"


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """One step of a progressive rollout: its mode and share, and how long guardrails must hold until the next one."""

    mode: RolloutMode
    share: float
    hold_s: float


def parse_steps(text: str) -> tuple[RolloutStep, ...]:
    """The steps in a text such as ``shadow 1h, 0.05 30m, 0.25 2h``: `shadow`, or the share of a canary; then a time.

    Raises:
        ValueError: a part is no step.
    """
    steps = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _STEP.fullmatch(part)
        is_shadow = found is not None and found[1] == "shadow"
        if found is None or not (is_shadow or 0 < float(found[1]) <= 1):
            raise ValueError(f"{part!r} is no step: use `shadow 1h`, or a share and a time such as `0.05 30m`")
        hold_s = float(found[2]) * _UNIT_S[found[3]]
        steps.append(
            RolloutStep("shadow", 1.0, hold_s) if is_shadow else RolloutStep("canary", float(found[1]), hold_s)
        )
    return tuple(steps)
