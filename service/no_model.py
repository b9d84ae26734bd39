"""Why there is no model yet: what the training workers are doing about it, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis.asyncio

from schemas.command_line import spell_command
from schemas.states import TrainerHeartbeat
from schemas.streams import Streams
from transport.clock import now_ms_async

NO_MODEL = "no model has been activated yet"


async def find_why_no_model(client: redis.asyncio.Redis, streams: Streams, domain: str) -> str:
    """One line that says why there is no model, from the heartbeats of the training workers.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    beats: Any = await client.hgetall(streams.trainers)
    trainers = map(TrainerHeartbeat.model_validate_json, beats.values())
    return explain_no_model(trainers, await now_ms_async(client), domain)


def explain_no_model(trainers: Iterable[TrainerHeartbeat], at_ms: int, domain: str) -> str:
    """As `find_why_no_model`, from heartbeats that have been read."""
    living = [trainer for trainer in trainers if trainer.is_living(at_ms)]
    busy = [f"{each.name} is {one.describe(at_ms)}" for each in living for one in each.activities]
    if busy:
        return f"{NO_MODEL}: {'; '.join(busy)}"
    waiting = [f"{each.name} is not ready ({'; '.join(each.reasons)})" for each in living if each.reasons]
    if waiting:
        return f"{NO_MODEL}: {'; '.join(waiting)}"
    has_worker = any(each.is_worker for each in living)
    advice = "" if has_worker else f", and start a training worker: `{spell_command('trainer', domain)}`"
    return f"{NO_MODEL}: `{spell_command('train', domain)}`{advice}"
