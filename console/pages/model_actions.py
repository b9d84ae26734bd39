"""What operators change about models: each action with what it will do."""

from __future__ import annotations

from console.actions import actor_of
from console.pages.confirming import ActionPlan
from console.pages.visit import Visit
from operations.serving import Serving
from schemas.commands import (
    CancelTraining,
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


def promote_plan(visit: Visit, version: str) -> ActionPlan:
    """Promote a version."""

    async def run(operator: str, reason: str, is_forced: bool) -> str:  # noqa: FBT001 - as every action
        data = PromoteData(version=version, force=is_forced, reason=reason)
        return await visit.shown.desk.carry_out(Promote(actor=actor_of(operator), data=data))

    return ActionPlan(
        f"Promote version {version}",
        f"The gate judges version {version} against the champion ({_serving(visit).champion or 'none'}). If it passes, "
        "it becomes champion, and every consumer swaps to it between two batches. Listings keep flowing.",
        run,
        force="Override the gate: promote it even if its figures fail. The reason stays with the version.",
        is_reason_for_force=True,
    )


def reload_plan(visit: Visit, version: str) -> ActionPlan:
    """Activate a version without making it champion."""

    async def run(operator: str, reason: str, is_forced: bool) -> str:  # noqa: FBT001 - as every action
        data = ReloadData(version=version, force=is_forced, reason=reason)
        return await visit.shown.desk.carry_out(Reload(actor=actor_of(operator), data=data))

    return ActionPlan(
        f"Reload version {version}",
        f"Every consumer swaps from version {_serving(visit).desired or 'none'} to version {version}. The champion "
        "stays as it is, and a version that never passed the gate is refused.",
        run,
        force="Activate it even if it never passed the gate. The reason is kept.",
        is_reason_for_force=True,
    )


def rollback_plan(visit: Visit) -> ActionPlan:
    """Go back."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        command = Rollback(actor=actor_of(operator), data=ReasonData(reason=reason))
        return await visit.shown.desk.carry_out(command)

    return ActionPlan(
        "Roll back",
        f"Every consumer goes back from version {_serving(visit).desired or 'none'} to the version that answered "
        "before, and the champion of that time is champion again. Its figures are not checked again.",
        run,
    )


def retrain_plan(visit: Visit) -> ActionPlan:
    """Train, and judge the result."""

    async def run(operator: str, reason: str, is_forced: bool) -> str:  # noqa: FBT001 - as every action
        data = RetrainData(force=is_forced, reason=reason)
        return await visit.shown.desk.carry_out(Retrain(actor=actor_of(operator), data=data))

    return ActionPlan(
        "Retrain",
        f"A training worker trains on the data of {visit.name} for about {visit.shown.settings.training.seconds:.0f} s "
        "and registers the best model. It becomes champion if it passes the gate. Nothing is trained if data and "
        "settings are those of the champion.",
        run,
        force="Train even if nothing has changed, and override the gate with this reason.",
    )


def cancel_plan(visit: Visit) -> ActionPlan:
    """Stop a training."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        command = CancelTraining(actor=actor_of(operator), data=ReasonData(reason=reason))
        return await visit.shown.desk.carry_out(command)

    return ActionPlan("Cancel the training", "The training that runs is stopped, and registers nothing.", run)


def pause_plan(visit: Visit) -> ActionPlan:
    """Stop the monitor's retraining loop for a while."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        command = PauseLoop(actor=actor_of(operator), data=ReasonData(reason=reason))
        return await visit.shown.desk.carry_out(command)

    return ActionPlan(
        "Pause the loop",
        "The monitor neither retrains nor rolls back by itself until the loop is resumed. It goes on watching drift "
        "and quality, and operators can still do everything.",
        run,
    )


def resume_plan(visit: Visit) -> ActionPlan:
    """Let the monitor retrain again."""

    async def run(operator: str, reason: str, _: bool) -> str:  # noqa: FBT001 - as every action
        command = ResumeLoop(actor=actor_of(operator), data=ReasonData(reason=reason))
        return await visit.shown.desk.carry_out(command)

    return ActionPlan("Resume the loop", "The monitor retrains and rolls back by itself again.", run)


def _serving(visit: Visit) -> Serving:
    state = visit.shown.watch.state
    return state.status.serving if state else Serving()
