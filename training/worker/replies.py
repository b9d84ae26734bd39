"""Answers: what becomes of a command is written once, together with the model it activates."""

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
    """What was answered to a command: its entry, and the entry id of the final event."""

    entry: str
    event: str


class Replies:
    """Writes answers of one worker, and counts them."""

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, worker: str, metrics: JobMetrics) -> None:
        self._client = client
        self._streams = streams
        self._worker = worker
        self._metrics = metrics

    async def find(self, answer_as: str) -> Reply | None:
        """What was answered already, if anything was."""
        found = await self._client.hget(self._streams.command_answers, answer_as)
        return Reply(**json.loads(found)) if found else None

    async def write(
        self,
        entry: CommandEntry,
        answer_as: str,
        events: Sequence[ModelEvent],
        activate: ModelVersionInfo | None = None,
        champion: str | None = None,
    ) -> None:
        """Answer a command; the last event is the final one. If the command is no longer pending, nothing is written.

        Args:
            entry: the entry that carried the command.
            answer_as: the command's id, under which others find the answer.
            events: in order.
            activate: the model that becomes the desired one; the final event's entry id is its activation.
            champion: the champion as it stood then, so that it is not followed once more.
        """
        order = {
            "group": TRAINERS,
            "consumer": self._worker,
            "entry": entry.id,
            "answer_as": answer_as,
            **_what(events, activate, champion, answer_as),
        }
        if written := await self._run(order):
            took_ms = EntryId.parse(written[-1]).ms - EntryId.parse(entry.id).ms
            self._metrics.record_job([event.type for event in events], took_ms / 1000)
        else:
            logger.warning("command was answered already", extra={"entry": entry.id})

    async def follow(
        self, followed: str, champion: str, event: ModelEvent, activate: ModelVersionInfo | None = None
    ) -> bool:
        """Tell what became of a champion that somebody set in the registry; False if another worker was faster."""
        return bool(await self._run({"followed": followed, **_what([event], activate, champion, None)}))

    async def followed(self) -> str:
        """The champion that was followed last; empty if none was."""
        found: Any = await self._client.hget(self._streams.worker_notes, "champion")
        return found.decode() if found else ""

    async def aim(self, answer_as: str, version: str) -> str:
        """Note which version a command means, until it is answered; returns the version that was noted first.

        For a command whose meaning changes with its own effect, so that it means the same again after a crash.
        """
        key, field = self._streams.worker_notes, f"target:{answer_as}"
        await self._client.hsetnx(key, field, version)
        found: Any = await self._client.hget(key, field)
        return found.decode() if found else version

    async def acknowledge(self, entry: CommandEntry) -> None:
        """Let go of an entry that was answered before."""
        await self._client.xack(self._streams.commands, TRAINERS, entry.id)

    async def announce(self, event: ModelEvent) -> None:
        """Tell something that is no answer yet; a second time if the worker dies before it goes on."""
        await self._client.xadd(self._streams.model_events, {DATA_FIELD: _json(event)})

    async def _run(self, order: dict[str, object]) -> list[bytes]:
        streams = self._streams
        keys = [streams.commands, streams.model_events, streams.model, streams.command_answers]
        keys += [streams.worker_notes, streams.training]
        written: list[bytes] = await _REPLY.run_async(self._client, keys, [json.dumps(order)])
        return written


def _what(
    events: Sequence[ModelEvent], activate: ModelVersionInfo | None, champion: str | None, command_id: str | None
) -> dict[str, object]:
    found: dict[str, object] = {"events": [_json(event) for event in events]}
    if activate is not None:
        fields = activate.desired("", command_id).model_dump(exclude={"activation"}, exclude_none=True)
        found["activate"] = [part for field in fields.items() for part in field]
    if champion is not None:
        found["champion"] = champion
    return found


def _json(event: ModelEvent) -> str:
    return event.model_dump_json(exclude_none=True)
