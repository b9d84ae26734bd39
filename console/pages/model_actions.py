"""What operators change about models: each action with what it will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.actions import actor_of
from console.pages.confirming import ActionPlan
from console.pages.visit import Visit
from operations.serving import Serving
from schemas.commands import (
    CancelTraining,
    Command,
    PauseLoop,
    Promote,
    PromoteData,
    ReasonData,
    Reload,
    ReloadData,
    ResumeLoop,
    Retrain,
    RetrainData,
    Rollback,
)


def command_plan(
    visit: Visit, title: str, effect: str, make: Callable[[str, str, bool], Command], **choices: Any
) -> ActionPlan:
    """A plan whose command is made from the actor, the reason and whether it is forced; `choices` are the plan's."""

    async def run(operator: str, reason: str, is_forced: bool) -> str:  # noqa: FBT001 - as every action
        return await visit.shown.desk.carry_out(make(actor_of(operator), reason, is_forced))

    return ActionPlan(title, effect, run, **choices)


def promote_plan(visit: Visit, version: str) -> ActionPlan:
    """Promote a version."""
    return command_plan(
        visit,
        f"Promote version {version}",
        f"The gate judges version {version} against the champion ({_serving(visit).champion or 'none'}). If it passes, "
        "it becomes champion, and every consumer swaps to it between two batches. Listings keep flowing.",
        lambda actor, why, force: Promote(actor=actor, data=PromoteData(version=version, force=force, reason=why)),
        force="Override the gate: promote it even if its figures fail. The reason stays with the version.",
        is_reason_for_force=True,
    )


def reload_plan(visit: Visit, version: str) -> ActionPlan:
    """Activate a version without making it champion."""
    return command_plan(
        visit,
        f"Reload version {version}",
        f"Every consumer swaps from version {_serving(visit).desired or 'none'} to version {version}. The champion "
        "stays as it is, and a version that never passed the gate is refused.",
        lambda actor, why, force: Reload(actor=actor, data=ReloadData(version=version, force=force, reason=why)),
        force="Activate it even if it never passed the gate. The reason is kept.",
        is_reason_for_force=True,
    )


def rollback_plan(visit: Visit) -> ActionPlan:
    """Go back."""
    return command_plan(
        visit,
        "Roll back",
        f"Every consumer goes back from version {_serving(visit).desired or 'none'} to the version that answered "
        "before, and the champion of that time is champion again. Its figures are not checked again.",
        lambda actor, why, _: Rollback(actor=actor, data=ReasonData(reason=why)),
    )


def retrain_plan(visit: Visit) -> ActionPlan:
    """Train, and judge the result."""
    return command_plan(
        visit,
        "Retrain",
        f"A training worker trains on the data of {visit.name} for about {visit.shown.settings.training.seconds:.0f} s "
        "and registers the best model. It becomes champion if it passes the gate. Nothing is trained if data and "
        "settings are those of the champion.",
        lambda actor, why, force: Retrain(actor=actor, data=RetrainData(force=force, reason=why)),
        force="Train even if nothing has changed, and override the gate with this reason.",
    )


def cancel_plan(visit: Visit) -> ActionPlan:
    """Stop a training."""
    return command_plan(
        visit,
        "Cancel the training",
        "The training that runs is stopped, and registers nothing.",
        lambda actor, why, _: CancelTraining(actor=actor, data=ReasonData(reason=why)),
    )


def pause_plan(visit: Visit) -> ActionPlan:
    """Stop the monitor's retraining loop for a while."""
    return command_plan(
        visit,
        "Pause the loop",
        "The monitor neither retrains nor rolls back by itself until the loop is resumed. It goes on watching drift "
        "and quality, and operators can still do everything.",
        lambda actor, why, _: PauseLoop(actor=actor, data=ReasonData(reason=why)),
    )


def resume_plan(visit: Visit) -> ActionPlan:
    """Let the monitor retrain again."""
    return command_plan(
        visit,
        "Resume the loop",
        "The monitor retrains and rolls back by itself again.",
        lambda actor, why, _: ResumeLoop(actor=actor, data=ReasonData(reason=why)),
    )


def _serving(visit: Visit) -> Serving:
    state = visit.shown.watch.state
    return state.status.serving if state else Serving()
