"""Sends the monitor's commands about a rollout to the training worker.

A command's id follows from the rollout and from what is asked, so several monitors, or one that restarts, ask once.
"""

from __future__ import annotations

from typing import Any

import redis.asyncio

from schemas.commands import AdjustRollout, Promote, PromoteData, StopRollout
from schemas.rollout_commands import RolloutAdjustData, RolloutStopData
from schemas.rollouts import DesiredRollout, RolloutStep, StopCause
from schemas.streams import DATA_FIELD, Streams

ACTOR = "monitor"


class RolloutCommands:
    """The commands about rollouts of one domain; each method returns the id, or None if that was asked already.

    Args:
        client: of Redis.
        streams: the domain's keys.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams
        self._sent = ""

    async def stop(
        self, rollout: DesiredRollout, cause: StopCause, reason: str, guardrail: str | None = None
    ) -> str | None:
        """Stop the rollout, because of a guardrail or of the verdict."""
        data = RolloutStopData(rollout=rollout.id, cause=cause, guardrail=guardrail, reason=reason)
        return await self._send(StopRollout(id=f"rollout-{rollout.id}-stop", actor=ACTOR, data=data))

    async def move_on(self, rollout: DesiredRollout, position: int, step: RolloutStep) -> str | None:
        """Move the rollout on to the step with this position."""
        data = RolloutAdjustData(rollout=rollout.id, mode=step.mode, share=step.share, reason=f"step {position + 1}")
        # an operator may have gone back a step, after which it is asked for again
        command_id = f"rollout-{rollout.revision}-step-{position + 1}"
        return await self._send(AdjustRollout(id=command_id, actor=ACTOR, data=data))

    async def promote(self, rollout: DesiredRollout) -> str | None:
        """Have the gate decide whether the challenger becomes champion."""
        command_id = f"rollout-{rollout.revision}-promote"
        return await self._send(Promote(id=command_id, actor=ACTOR, data=PromoteData(version=rollout.version)))

    async def _send(self, command: StopRollout | AdjustRollout | Promote) -> str | None:
        is_answered: Any = await self._client.hexists(self._streams.command_replies, command.id)
        if command.id == self._sent or is_answered:
            return None
        await self._client.xadd(self._streams.commands, {DATA_FIELD: command.model_dump_json()})
        self._sent = command.id
        return command.id
