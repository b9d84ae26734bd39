"""Makes the records of the history from commands, events, and what the registry knows about a moved champion."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from registry.decisions import Decision, decisions_in
from registry.versions import ModelVersionInfo
from schemas.commands import Command, ModelEvent, Retrain
from schemas.history import Change, Deed
from schemas.states import DesiredModel
from transport.entries import EntryId

_DEEDS: dict[str, Deed] = {deed: deed for deed in get_args(Deed)}


def change_by(command: Command, event: ModelEvent, *, is_forced: bool = False) -> Change:
    """The record of a command, with the final event of its reply."""
    return Change(
        deed=_deed_of(command),
        actor=command.actor,
        command_id=command.id,
        cause=command.data.cause if isinstance(command, Retrain) else None,
        is_forced=is_forced,
        reason=command.data.reason,
        **_outcome(event),
    )


def change_of_champion(champion: ModelVersionInfo, event: ModelEvent, desired: DesiredModel | None) -> Change:
    """The record of a champion that was set without a command: by `tasador train`, from Python, or by hand in MLflow.

    Args:
        champion: the version that the alias points to now.
        event: what became of it.
        desired: the model until now; a decision that is older did not move the alias.
    """
    since_ms = EntryId.parse(desired.activation).ms if desired else 0
    decision = next((one for one in decisions_in(champion.tags) if _moved_alias(one, since_ms)), None)
    outcome = _outcome(event)
    if decision is None:
        return Change(deed="champion", **outcome)
    return Change(
        deed="champion",
        actor=decision.requester.actor,
        command_id=decision.requester.id,
        is_forced=decision.verdict == "forced",
        reason=decision.reason,
        **outcome,
    )


def change_of_rollout(event: ModelEvent) -> Change:
    """The record of a rollout that ended by itself."""
    return Change(deed="rollout_stop", **_outcome(event))


def _deed_of(command: Command) -> Deed:
    kind, _, verb = command.type.rpartition(".")
    return _DEEDS[f"rollout_{verb}" if kind == "rollout" else verb]


def _moved_alias(decision: Decision, since_ms: int) -> bool:
    is_open = decision.verdict in {"passed", "forced"}
    is_newer = datetime.fromisoformat(decision.time).timestamp() * 1000 > since_ms
    return is_open and is_newer and decision.requester.source != "command"


def _outcome(event: ModelEvent) -> dict[str, object]:
    data = event.data
    return {
        "time": event.time,
        "result": event.type,
        "version": data.version,
        "before": data.before,
        "champion": data.champion,
        "message": data.message or "",
    }
