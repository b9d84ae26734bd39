"""What operators change about a rollout: each action with what it will do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from console.actions import actor_of
from console.pages.confirming import ActionPlan
from console.pages.model_actions import command_plan, promote_plan
from console.pages.visit import Visit
from schemas.commands import AdjustRollout, StartRollout, StopRollout
from schemas.errors import DataError
from schemas.rollout_commands import RolloutAdjustData, RolloutStartData, RolloutStopData
from schemas.rollouts import DEFAULT_SHARES, DesiredRollout, RolloutMode
from transport.clock import now_ms
from transport.moments import parse_deadline

STEPS = "by steps"
"""Stands among the modes for a rollout that follows `rollout.steps`."""
UNCHANGED = "unchanged"
"""Stands among the modes for the one that the rollout has."""
MODES: tuple[RolloutMode, ...] = get_args(RolloutMode)


@dataclass(frozen=True, slots=True)
class RolloutWish:
    """What an operator chose for a rollout.

    Attributes:
        mode: one of `MODES`, `STEPS` or `UNCHANGED`.
        share: of the listings; None for that of the mode, or for the one that the rollout has.
        until: a duration or a time, as typed; empty for none.
    """

    mode: str
    share: float | None = None
    until: str = ""

    def data(self, until: datetime | None) -> dict[str, Any]:
        """The fields of a command; what was left open is left out.

        Raises:
            DataError: the share is none, or steps have no share of their own.
        """
        if self.share is not None and not 0 < self.share <= 1:
            raise DataError(f"{self.share:g} is no share: use a number above 0, and at most 1")
        if self.mode == STEPS and self.share is not None:
            raise DataError("the steps say mode and share: leave the share empty")
        given: dict[str, Any] = {"share": self.share, "until": until}
        if self.mode == STEPS:
            given["follows_steps"] = True
        elif self.mode != UNCHANGED:
            given["mode"] = self.mode
        return {name: value for name, value in given.items() if value is not None}


def start_plan(visit: Visit, version: str, wish: RolloutWish) -> ActionPlan:
    """Put a challenger beside the champion."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        given = wish.data(await _deadline(visit, wish.until)) | {"version": version, "reason": reason}
        command = StartRollout(actor=actor_of(operator), data=RolloutStartData.model_validate(given))
        return await visit.shown.desk.carry_out(command)

    return ActionPlan(
        f"Start a rollout of version {version}",
        f"The training worker tries version {version}, and every consumer loads it beside the champion. "
        f"{start_effect(wish, visit.shown.settings.rollout.steps)} Guardrails and the verdict can stop it. "
        "It is refused while another rollout runs.",
        run,
    )


def adjust_plan(visit: Visit, rollout: DesiredRollout, wish: RolloutWish) -> ActionPlan:
    """Change mode, share or end of the rollout."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        given = wish.data(await _deadline(visit, wish.until))
        if not given:
            raise DataError("nothing would change: choose a mode, a share or an end")
        data = RolloutAdjustData.model_validate(given | {"rollout": rollout.id, "reason": reason})
        return await visit.shown.desk.carry_out(AdjustRollout(actor=actor_of(operator), data=data))

    return ActionPlan("Adjust the rollout", adjust_effect(rollout, wish), run)


def stop_plan(visit: Visit, rollout: DesiredRollout) -> ActionPlan:
    """End the rollout."""
    return command_plan(
        visit,
        "Stop the rollout",
        f"Version {rollout.champion} answers all listings again, and every consumer drops version {rollout.version}. "
        "It is refused if another rollout runs by then.",
        lambda actor, why, _: StopRollout(actor=actor, data=RolloutStopData(rollout=rollout.id, reason=why)),
    )


def promote_challenger_plan(visit: Visit, rollout: DesiredRollout) -> ActionPlan:
    """Make the challenger champion."""
    plan = promote_plan(visit, rollout.version)
    effect = f"{plan.effect} The verdict is one of the gate's checks. The rollout ends with the promotion."
    return replace(plan, title=f"Promote challenger {rollout.version}", effect=effect)


def start_effect(wish: RolloutWish, steps: str) -> str:
    """What a rollout that begins so does with listings."""
    end = f"It ends by itself: {wish.until}." if wish.until else "It runs until it is stopped."
    if wish.mode == STEPS:
        return f"It moves on by these steps, after which its promotion is asked for: {steps}. {end}"
    mode = next(each for each in MODES if each == wish.mode)
    share = DEFAULT_SHARES[mode] if wish.share is None else wish.share
    who = (
        "the champion answers every listing, and the challenger scores"
        if mode == "shadow"
        else "the challenger answers"
    )
    return f"In this {mode} {who} {share * 100:.4g} % of the listings. {end}"


def adjust_effect(rollout: DesiredRollout, wish: RolloutWish) -> str:
    """What changes of a rollout."""
    mode = rollout.mode if wish.mode == UNCHANGED else wish.mode
    share = rollout.share if wish.share is None else wish.share
    end = f" It will end: {wish.until}." if wish.until else ""
    return (
        f"The {rollout.mode} of version {rollout.version} at {rollout.share * 100:.4g} % of the listings becomes a "
        f"{mode} at {share * 100:.4g} %.{end} Listings that it concerns stay so while the share grows. Its guardrails "
        "and its step begin anew."
    )


async def _deadline(visit: Visit, text: str) -> datetime | None:
    if not text:
        return None
    return parse_deadline(text, await asyncio.to_thread(now_ms, visit.shown.operations_client))
