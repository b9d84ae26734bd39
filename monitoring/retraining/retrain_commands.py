"""Asking the training worker: commands of the monitor, and what it remembers of them.

It remembers nothing itself: what was asked stands on `commands`, what was answered in the hash beside it. A command's
id follows from what it is for, so several monitors, or one that starts again, ask once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import redis
from pydantic import ValidationError

from monitoring.retraining.policy import DAY_MS, History, RetrainReason
from schemas.commands import COMMANDS, Command, Retrain, RetrainData, Rollback
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId
from transport.reading import scan

ACTOR = "monitor"


def read_history(client: redis.Redis, streams: Streams, at_ms: int) -> History:
    """Trainings that were asked for in the 24 hours before a moment of Redis's clock."""
    asked = [(entry_id, order) for entry_id, order in _recent(client, streams, at_ms) if isinstance(order, Retrain)]
    ours = [entry_id.ms for entry_id, order in asked if order.actor == ACTOR]
    return History(
        last_ms=max(ours, default=None),
        today=len(ours),
        is_waiting=any(not client.hexists(streams.command_answers, order.id) for _, order in asked),
    )


def ask_for_training(client: redis.Redis, streams: Streams, wish: RetrainReason, history: History) -> str:
    """Send `model.retrain`; returns the command's id."""
    command_id = f"loop-{wish.cause}-after-{history.last_ms or 0}"
    data = RetrainData(reason=f"{wish.cause}: {wish.message}")
    return _send(client, streams, Retrain(id=command_id, actor=ACTOR, data=data))


def take_back(client: redis.Redis, streams: Streams, activation: str) -> str:
    """Send `model.rollback` because of what an activation brought; returns the command's id."""
    return _send(client, streams, Rollback(id=f"bake-{activation}", actor=ACTOR))


def kind_of(client: redis.Redis, streams: Streams, command_id: str | None) -> str | None:
    """The type of an answered command, such as `model.promote`; None where it cannot be known any more."""
    answer: Any = client.hget(streams.command_answers, command_id) if command_id else None
    if not answer:
        return None
    entry_id = json.loads(answer)["entry"]
    entries: Any = client.xrange(streams.commands, entry_id, entry_id)
    order = _read(entries[0][1]) if entries else None
    return order.type if order else None


def _recent(client: redis.Redis, streams: Streams, at_ms: int) -> Iterator[tuple[EntryId, Command]]:
    for entry_id, fields in scan(client, streams.commands, first=str(max(at_ms - DAY_MS, 0))):
        if order := _read(fields):
            yield EntryId.parse(entry_id), order


def _read(fields: dict[bytes, bytes]) -> Command | None:
    try:
        return COMMANDS.validate_json(fields.get(DATA_FIELD, b""))
    except ValidationError:
        return None  # the worker answers what is no command


def _send(client: redis.Redis, streams: Streams, command: Retrain | Rollback) -> str:
    client.xadd(streams.commands, {DATA_FIELD: command.model_dump_json()})
    return command.id
