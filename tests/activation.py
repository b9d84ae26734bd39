"""Activates a model for tests with the worker's own script."""

from __future__ import annotations

import json
from typing import Any

from schemas.commands import ModelEvent
from schemas.states import DesiredModel
from schemas.streams import Streams
from transport.scripts import Script

_REPLY = Script("training.worker", "reply")


def activate(client: Any, streams: Streams, model: DesiredModel) -> str:
    """Make a model the desired one; returns its activation, which replaces `model.activation`."""
    event = ModelEvent.of("test", "model.activated", version=model.version, command_id=model.command_id)
    fields = model.model_dump(exclude={"activation"}, exclude_none=True)
    followed = client.hget(streams.worker_state, "champion") or b""
    reply = {
        "followed": followed.decode(),
        "events": [event.model_dump_json(exclude_none=True)],
        "activate": [part for field in fields.items() for part in field],
        "version": model.version,
        "rollout_ended": ModelEvent.of("test", "rollout.stopped").model_dump_json(exclude_none=True),
    }
    keys = [streams.commands, streams.model_events, streams.model, streams.command_replies]
    keys += [streams.worker_state, streams.training_lock, streams.history, streams.loop]
    keys += [streams.rollout, streams.challenger_failures]
    *_, activation = _REPLY.run(client, keys, [json.dumps(reply)])
    return str(activation.decode())
