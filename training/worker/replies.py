"""Writes the reply to each command once, in one script with the model that it activates."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from registry.versions import ModelVersionInfo
from schemas.commands import ModelEvent
from schemas.streams import DATA_FIELD, TRAINERS, Streams
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from transport.entries import EntryId
from transport.scripts import Script

logger = logging.getLogger(__name__)

_REPLY = Script("training.worker", "reply")


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply that a command got: the command's entry, and the entry id of the final event."""

    entry: str
    event: str


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
        activate: ModelVersionInfo | None = None,
        champion: str | None = None,
    ) -> None:
        """Reply to a command and acknowledge it; writes nothing if the command is no longer pending.

        Args:
            entry: the entry that carried the command.
            key: the command's id, or the entry's, under which `find` and the client find the reply.
            events: in order; the last one is final.
            activate: becomes the desired model; the final event's entry id is its activation.
            champion: the champion's version, so that `follow` does not activate it once more.
        """
        fence = {"group": TRAINERS, "consumer": self.worker, "entry": entry.id, "key": key}
        written = await self._run_script(fence | _script_fields(events, activate, champion, key))
        if written:
            took_ms = EntryId.parse(entry.id).age_ms(EntryId.parse(written[-1]).ms) or 0
            self.metrics.record_job([event.type for event in events], took_ms / 1000)
        else:
            logger.warning("command already has a reply", extra={"entry": entry.id})

    async def follow(
        self, followed: str, champion: str, event: ModelEvent, *, activate: ModelVersionInfo | None = None
    ) -> bool:
        """Write what became of a champion that was set in the registry; False if another worker has followed it.

        `followed` is the one before it, as the method `followed` returned it.
        """
        return bool(await self._run_script({"followed": followed} | _script_fields([event], activate, champion)))

    async def followed(self) -> str:
        """The version of the champion that was followed last; empty if none was."""
        version: Any = await self.client.hget(self.streams.worker_state, "champion")
        return version.decode() if version else ""

    async def pin_rollback_target(self, command_id: str, version: str) -> str:
        """Keep the version that a rollback goes back to until its reply; returns the version that was kept first.

        Setting the champion changes what the previous champion is, so a rollback that is repeated after a crash would
        otherwise go back to another version.
        """
        key, field = self.streams.worker_state, f"target:{command_id}"
        await self.client.hsetnx(key, field, version)
        pinned: Any = await self.client.hget(key, field)
        return pinned.decode() if pinned else version

    async def acknowledge(self, entry: CommandEntry) -> None:
        """Acknowledge an entry that has its reply."""
        await self.client.xack(self.streams.commands, TRAINERS, entry.id)

    async def announce(self, event: ModelEvent) -> None:
        """Write an event that is no reply; if the worker dies before the reply, its successor writes it again."""
        await self.client.xadd(self.streams.model_events, {DATA_FIELD: _json_of(event)})

    async def _run_script(self, reply: dict[str, object]) -> list[bytes]:
        streams = self.streams
        keys = [streams.commands, streams.model_events, streams.model, streams.command_replies]
        keys += [streams.worker_state, streams.training_lock]
        written: list[bytes] = await _REPLY.run_async(self.client, keys, [json.dumps(reply)])
        return written


def _script_fields(
    events: Sequence[ModelEvent], activate: ModelVersionInfo | None, champion: str | None, command_id: str | None = None
) -> dict[str, object]:
    fields: dict[str, object] = {"events": [_json_of(event) for event in events]}
    if activate is not None:
        desired = activate.desired("", command_id).model_dump(exclude={"activation"}, exclude_none=True)
        fields["activate"] = [part for field in desired.items() for part in field]
    if champion is not None:
        fields["champion"] = champion
    return fields


def _json_of(event: ModelEvent) -> str:
    return event.model_dump_json(exclude_none=True)
