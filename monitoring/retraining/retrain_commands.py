"""Sends the monitor's commands to the training worker, and reads from Redis which were sent and answered.

The monitor keeps no state of its own. A command's id is derived from its reason, so several monitors, or one that
restarts, send the same command only once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import redis
from pydantic import ValidationError

from monitoring.retraining.policy import DAY_MS, RetrainHistory, RetrainReason
from schemas.commands import COMMANDS, Command, ReasonData, Retrain, RetrainData, Rollback
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId
from transport.reading import scan

ACTOR = "monitor"


def read_history(client: redis.Redis, streams: Streams, at_ms: int) -> RetrainHistory:
    """The retrain commands of the 24 hours before a moment of Redis's clock."""
    retrains = [(entry_id, each) for entry_id, each in _recent(client, streams, at_ms) if isinstance(each, Retrain)]
    own_ms = [entry_id.ms for entry_id, command in retrains if command.actor == ACTOR]
    return RetrainHistory(
        last_ms=max(own_ms, default=None),
        today=len(own_ms),
        is_waiting=any(not client.hexists(streams.command_replies, command.id) for _, command in retrains),
    )


def send_retrain(client: redis.Redis, streams: Streams, reason: RetrainReason, history: RetrainHistory) -> str:
    """Send `model.retrain`; returns the command's id."""
    command_id = f"loop-{reason.cause}-after-{history.last_ms or 0}"
    data = RetrainData(cause=reason.cause, reason=reason.message)
    return _send(client, streams, Retrain(id=command_id, actor=ACTOR, data=data))


def send_rollback(client: redis.Redis, streams: Streams, activation: str, harm: str) -> str:
    """Send `model.rollback` for a harmful activation; returns the command's id."""
    return _send(client, streams, Rollback(id=f"bake-{activation}", actor=ACTOR, data=ReasonData(reason=harm)))


def read_command_type(client: redis.Redis, streams: Streams, command_id: str | None) -> str | None:
    """The type of an answered command, such as `model.promote`; None where it is not known."""
    answer: Any = client.hget(streams.command_replies, command_id) if command_id else None
    if not answer:
        return None
    entry_id = json.loads(answer)["entry"]
    entries: Any = client.xrange(streams.commands, entry_id, entry_id)
    command = _parse(entries[0][1]) if entries else None
    return command.type if command else None


def _recent(client: redis.Redis, streams: Streams, at_ms: int) -> Iterator[tuple[EntryId, Command]]:
    for entry_id, fields in scan(client, streams.commands, first=str(max(at_ms - DAY_MS, 0))):
        if command := _parse(fields):
            yield EntryId.parse(entry_id), command


def _parse(fields: dict[bytes, bytes]) -> Command | None:
    try:
        return COMMANDS.validate_json(fields.get(DATA_FIELD, b""))
    except ValidationError:
        return None  # the worker answers entries that are not commands


def _send(client: redis.Redis, streams: Streams, command: Retrain | Rollback) -> str:
    client.xadd(streams.commands, {DATA_FIELD: command.model_dump_json()})
    return command.id
