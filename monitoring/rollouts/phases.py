"""The phases of a rollout: from when on it had which mode and share, as its events say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import redis.asyncio
from pydantic import ValidationError

from schemas.commands import ModelEvent
from schemas.rollouts import DesiredRollout
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId

_CHANGES = ("rollout.started", "rollout.adjusted")
_MOST_EVENTS = 10_000


class Phase(NamedTuple):
    """A part of a rollout's time: its beginning in milliseconds, and which share the challenger answers from then on.

    In a shadow that share is 0.
    """

    begin_ms: int
    share: float


async def read_phases(client: redis.asyncio.Redis, streams: Streams, rollout: DesiredRollout) -> list[Phase]:
    """The phases of a rollout until now, in order.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    entries: Any = await client.xrange(streams.model_events, rollout.id, "+", count=_MOST_EVENTS)
    phases = []
    for entry_id, fields in entries:
        try:
            event = ModelEvent.model_validate_json(fields.get(DATA_FIELD, b""))
        except ValidationError:
            continue
        is_own = entry_id.decode() == rollout.id or event.data.rollout == rollout.id
        if event.type in _CHANGES and is_own and event.data.mode is not None:
            share = 0.0 if event.data.mode == "shadow" else event.data.share or 0.0
            phases.append(Phase(EntryId.parse(entry_id).ms, share))
    return phases


def phase_at(phases: Sequence[Phase], at_ms: int) -> Phase | None:
    """The phase of a time; None before the first."""
    return next((phase for phase in reversed(phases) if phase.begin_ms <= at_ms), None)
