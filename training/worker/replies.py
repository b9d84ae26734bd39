"""Writes the reply to each command once, in one script with the model that it activates."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from pydantic import TypeAdapter

from registry.versions import ModelVersionInfo
from schemas.commands import CancelTraining, ModelEvent, StartRollout
from schemas.frozen_model import FrozenModel
from schemas.history import Change
from schemas.rollout_report import RolloutReport
from schemas.rollouts import DesiredRollout
from schemas.states import DesiredModel, FormerModel
from schemas.streams import DATA_FIELD, TRAINERS, Streams
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.rollout_change import RolloutChange
from transport.entries import EntryId
from transport.scripts import Script

logger = logging.getLogger(__name__)

_REPLY = Script("training.worker", "reply")
_STALE = [b"stale"]
_FORMER = TypeAdapter(tuple[FormerModel, ...])


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply that a command got: the command's entry, and the entry id of the final event."""

    entry: str
    event: str


class CancelRequest(FrozenModel):
    """A command to stop a training, and its entry."""

    entry: str
    command: CancelTraining


class RollbackTarget(FormerModel):
    """What a rollback restores, and how many versions that answered before are left for the next one."""

    remaining: int


@dataclass(frozen=True, slots=True)
class Activated:
    """What a reply activates.

    Attributes:
        model: becomes the desired model; the final event's entry id is its activation.
        champion: the champion's version from then on, so that `follow` does not activate it once more; None to leave
            what counts as followed.
        remaining: of a rollback, how many of the versions that answered before are kept.
    """

    model: ModelVersionInfo
    champion: str | None = None
    remaining: int | None = None

    def script_fields(self, command_id: str | None) -> dict[str, object]:
        """Arguments of the script."""
        desired = self.model.desired("", command_id).model_dump(exclude={"activation"}, exclude_none=True)
        fields = {
            "activate": [part for field in desired.items() for part in field],
            "version": self.model.version,
            "former": self.remaining,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Replies:
    """Writes the replies of one worker, and counts them."""

    client: redis.asyncio.Redis
    streams: Streams
    worker: str
    metrics: JobMetrics

    async def find(self, key: str) -> Reply | None:
        """The reply under a command's id, or under the id of an entry; None if there is none yet."""
        stored = await self.client.hget(self.streams.command_replies, key)
        return Reply(**json.loads(stored)) if stored else None

    async def write(
        self,
        entry: CommandEntry,
        key: str,
        events: Sequence[ModelEvent],
        *,
        change: Change | None = None,
        activated: Activated | None = None,
        loop: Mapping[str, str] | None = None,
        rollout: RolloutChange | None = None,
    ) -> bool:
        """Reply to a command and acknowledge it; writes nothing if the command is no longer pending.

        Returns whether the change of the rollout still fitted; otherwise nothing was written, and there is another one.

        Args:
            entry: the entry that carried the command.
            key: the command's id, or the entry's, under which `find` and the client find the reply.
            events: in order; the last one is final.
            change: the record for the history.
            activated: what the reply activates.
            loop: fields of the pause of the retraining loop; empty to resume it.
            rollout: what the reply does to the rollout.
        """
        fence = {"group": TRAINERS, "consumer": self.worker, "entry": entry.id, "key": key}
        champion = activated.champion if activated else None
        reply = fence | _script_fields(events, change, activated, champion, key)
        if loop is not None:
            reply["loop"] = [part for field in loop.items() for part in field]
        if rollout is not None:
            reply |= rollout.script_fields()
        written = await self._run_script(reply)
        if written == _STALE:
            return False
        if written:
            took_ms = EntryId.parse(entry.id).age_ms(EntryId.parse(written[-1]).ms) or 0
            self.metrics.record_job([event.type for event in events], took_ms / 1000)
        else:
            logger.warning("command already has a reply", extra={"entry": entry.id})
        return True

    async def follow(
        self, followed: str, champion: str, event: ModelEvent, change: Change, activated: Activated | None = None
    ) -> bool:
        """Write what became of a champion that was set in the registry; False if another worker has followed it.

        `followed` is the one before it, as the method `followed` returned it.
        """
        reply = _script_fields([event], change, activated, champion)
        return bool(await self._run_script({"followed": followed} | reply))

    async def end_rollout(self, rollout: str, event: ModelEvent, change: Change) -> None:
        """End the rollout of this id without a command; does nothing if it has ended."""
        await self._run_script(_script_fields([event], change, None, None) | RolloutChange(rollout).script_fields())

    async def rollout(self) -> DesiredRollout | None:
        """The desired rollout; None if there is none."""
        stored: Any = await self.client.hgetall(self.streams.rollout)
        return DesiredRollout.from_hash(stored)

    async def challenger_failures(self, rollout: str) -> int:
        """How many consumers died with the challenger of a rollout loaded."""
        count: Any = await self.client.hget(self.streams.challenger_failures, rollout)
        return int(count or 0)

    async def followed(self) -> str:
        """The version of the champion that was followed last; empty if none was."""
        version: Any = await self.client.hget(self.streams.worker_state, "champion")
        return version.decode() if version else ""

    async def desired(self) -> DesiredModel | None:
        """The desired model; None before the first activation."""
        stored: Any = await self.client.hgetall(self.streams.model)
        return DesiredModel.from_hash(stored)

    async def rollout_report(self) -> RolloutReport | None:
        """The monitor's last report on a rollout; None if there was none."""
        stored: Any = await self.client.get(self.streams.rollout_report)
        return RolloutReport.model_validate_json(stored) if stored else None

    async def rollback_target(self, command_id: str) -> RollbackTarget | None:
        """What a rollback restores; None if nothing answered before. It stays the same until the rollback's reply.

        A rollback that is repeated after a crash would otherwise go back to another version: the champion that it had
        set already may have been followed meanwhile.
        """
        key, field = self.streams.worker_state, f"target:{command_id}"
        pinned: Any = await self.client.hget(key, field)
        if pinned is None:
            stored: Any = await self.client.hget(key, "before")
            former = _FORMER.validate_json(stored) if stored else ()
            if not former:
                return None
            target = RollbackTarget(**former[-1].model_dump(), remaining=len(former) - 1)
            await self.client.hsetnx(key, field, target.model_dump_json())
            pinned = await self.client.hget(key, field)
        return RollbackTarget.model_validate_json(pinned)

    async def request_cancel(self, training: str, request: CancelRequest) -> None:
        """Ask the worker that carries out the command of an entry to stop its training; the first request counts."""
        await self.client.hsetnx(self.streams.worker_state, f"cancel:{training}", request.model_dump_json())

    async def find_cancel(self, training: str) -> CancelRequest | None:
        """The request to stop the training of an entry; None if there is none."""
        stored: Any = await self.client.hget(self.streams.worker_state, f"cancel:{training}")
        return CancelRequest.model_validate_json(stored) if stored else None

    async def acknowledge(self, entry: CommandEntry) -> None:
        """Acknowledge an entry that has its reply."""
        await self.client.xack(self.streams.commands, TRAINERS, entry.id)

    async def send(self, command: StartRollout) -> None:
        """Send a command that follows from another one."""
        await self.client.xadd(self.streams.commands, {DATA_FIELD: command.model_dump_json()})

    async def announce(self, event: ModelEvent) -> None:
        """Write an event that is no reply; if the worker dies before the reply, its successor writes it again."""
        await self.client.xadd(self.streams.model_events, {DATA_FIELD: _json_of(event)})

    async def _run_script(self, reply: dict[str, object]) -> list[bytes]:
        streams = self.streams
        keys = [streams.commands, streams.model_events, streams.model, streams.command_replies]
        keys += [streams.worker_state, streams.training_lock, streams.history, streams.loop]
        keys += [streams.rollout, streams.challenger_failures]
        written: list[bytes] = await _REPLY.run_async(self.client, keys, [json.dumps(reply)])
        return written


def _script_fields(
    events: Sequence[ModelEvent],
    change: Change | None,
    activated: Activated | None,
    champion: str | None,
    command_id: str | None = None,
) -> dict[str, object]:
    fields: dict[str, object] = {"events": [_json_of(event) for event in events]}
    if change is not None:
        fields["change"] = change.model_dump_json(exclude_defaults=True)
    if champion is not None:
        fields["champion"] = champion
    if activated is not None:
        by = change.actor if change else None
        ended = ModelEvent.of(events[-1].source, "rollout.stopped", command_id=command_id, by=by)
        fields |= activated.script_fields(command_id) | {"rollout_ended": _json_of(ended)}
    return fields


def _json_of(event: ModelEvent) -> str:
    return event.model_dump_json(exclude_none=True)
