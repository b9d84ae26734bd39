"""Parses commands and carries them out, each one once; every command gets a reply.

The promoter activates models, the training runner trains beside the other commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pydantic_core
from pydantic import ValidationError

from schemas.commands import (
    COMMANDS,
    AdjustRollout,
    CancelTraining,
    Command,
    PauseLoop,
    Promote,
    Reload,
    ResumeLoop,
    Retrain,
    Rollback,
    StartRollout,
    StopRollout,
)
from schemas.decoding import payload_of
from schemas.errors import RefusedListingError
from schemas.events import MAX_ID
from schemas.settings import Settings
from schemas.states import LoopPause
from training.worker.changes import change_by
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry, CommandInbox, retry_until_redis_answers
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from training.worker.rollouts import RolloutManager
from training.worker.training_runner import TrainingRunner


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command as read from its entry, or what is wrong with it.

    Attributes:
        command: None where the command is malformed.
        command_id: None where it could not be read.
        reason: why the command is malformed: invalid, unknown_type, payload_gone.
        message: the same for the client.
    """

    command: Command | None
    command_id: str | None
    reason: str = ""
    message: str = ""


def parse_command(fields: Mapping[bytes, bytes] | None) -> ParsedCommand:
    """Parse the fields of an entry; never raises, because every command gets a reply."""
    if fields is None:
        return ParsedCommand(None, None, "payload_gone", "the entry was deleted while it was pending")
    try:
        payload = payload_of(fields)
    except RefusedListingError as error:
        return ParsedCommand(None, None, "invalid", str(error))
    try:
        command = COMMANDS.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        reason = "unknown_type" if first["type"] == "union_tag_invalid" else "invalid"
        location = ".".join(str(part) for part in first["loc"])
        message = f"{location}: {first['msg']}" if location else first["msg"]
        return ParsedCommand(None, _id_of(payload), reason, message)
    if contradiction := _find_contradiction(command):
        return ParsedCommand(None, command.id, "invalid", contradiction)
    return ParsedCommand(command, command.id)


def _find_contradiction(command: Command) -> str | None:
    if isinstance(command, Reload) and command.data.version and command.data.alias:
        return "data: name a version or an alias, not both"
    if isinstance(command, Promote | Reload) and command.data.force and not command.data.reason:
        return "data.reason: force requires a reason, which is kept"
    if isinstance(command, Promote | Reload) and command.data.reason and not command.data.force:
        return "data.reason: a reason is allowed only with force"
    return None


def _id_of(payload: bytes) -> str | None:
    """The id of a malformed command, under which its client looks for the reply."""
    try:
        command = pydantic_core.from_json(payload)
    except ValueError:
        return None
    command_id = command.get("id") if isinstance(command, dict) else None
    return command_id if isinstance(command_id, str) and 0 < len(command_id) <= MAX_ID else None


@dataclass
class CommandHandler:
    """Carries out the commands of one worker, one after another; a training runs beside the others.

    Attributes:
        settings: of the worker; they name the domain.
        inbox: keeps the worker's entries from being claimed.
    """

    settings: Settings
    inbox: CommandInbox
    replies: Replies
    events: EventFactory
    models: Models
    promoter: Promoter
    trainings: TrainingRunner
    rollouts: RolloutManager

    async def carry_out(self, entry: CommandEntry) -> None:
        """Carry out one command, or start its training; while Redis does not answer, try again."""
        with self.inbox.holding(entry):
            async for attempt in retry_until_redis_answers(entry):
                with attempt:
                    async with self.promoter.lock:
                        await self._reply_once(entry)

    async def stop(self) -> None:
        """Kill a running training; its command stays pending."""
        await self.trainings.stop()

    @property
    def is_training(self) -> bool:
        """Whether a training is running."""
        return self.trainings.current is not None

    async def _reply_once(self, entry: CommandEntry) -> None:
        parsed = parse_command(entry.fields)
        if await self._is_handled(entry, parsed.command_id):
            return
        if parsed.command is None:
            await self._reject(entry, parsed.command_id, parsed.reason, parsed.message)
        elif entry.attempts >= self.settings.max_deliveries:
            message = f"given up after {entry.attempts} attempts that ended without a reply"
            await self._reject(entry, parsed.command.id, "poison", message, parsed.command)
        else:
            await self._execute(entry, parsed.command)

    async def _is_handled(self, entry: CommandEntry, command_id: str | None) -> bool:
        """Whether this command has its reply, is being carried out, or arrived in another entry, which is rejected."""
        if self.trainings.current is not None:
            training, command = self.trainings.current
            if training.id == entry.id:  # a new consumer group delivered it again; the training will reply
                return True
            if command.id == command_id:
                await self._reject_repeated(entry, command_id, training.id)
                return True
        for key in filter(None, (command_id, entry.id)):
            reply = await self.replies.find(key)
            if reply is not None and reply.entry == entry.id:
                await self.replies.acknowledge(entry)
                return True
            if reply is not None:
                await self._reject_repeated(entry, key, reply.entry, reply.event)
                return True
        return False

    async def _execute(self, entry: CommandEntry, command: Command) -> None:
        match command:
            case Reload():
                model = self.models.find(command.data.version, command.data.alias)
                await self.promoter.activate(entry, command, model)
            case Promote():
                await self.promoter.activate(entry, command, self.models.find(command.data.version))
            case Rollback():
                await self.promoter.activate(entry, command, self.promoter.find_rollback_target(command))
            case Retrain():
                if not await self.trainings.start(entry, command):
                    message = "another training is running: wait until it has ended, or stop it with --cancel"
                    await self._reject(entry, command.id, "busy", message, command)
            case CancelTraining():
                # the worker that trains replies, once it has stopped
                if not await self.trainings.request_cancel(entry, command):
                    await self._reject(entry, command.id, "no_training", "no training is running", command)
            case PauseLoop() | ResumeLoop():
                await self._set_loop(entry, command)
            case StartRollout() | AdjustRollout() | StopRollout():
                await self.rollouts.carry_out(entry, command)

    async def _set_loop(self, entry: CommandEntry, command: PauseLoop | ResumeLoop) -> None:
        is_pause = isinstance(command, PauseLoop)
        event = self.events.make(
            "loop.paused" if is_pause else "loop.resumed", command_id=command.id, message=command.data.reason or None
        )
        pause = LoopPause(time=event.time, actor=command.actor, command_id=command.id, reason=command.data.reason)
        fields = pause.model_dump(mode="json") if is_pause else {}
        await self.replies.write(entry, command.id, [event], change=change_by(command, event), loop=fields)

    async def _reject(
        self, entry: CommandEntry, command_id: str | None, reason: str, message: str, command: Command | None = None
    ) -> None:
        event = self.events.command_rejected(command_id, reason, message)
        change = change_by(command, event) if command else None
        await self.replies.write(entry, command_id or entry.id, [event], change=change)

    async def _reject_repeated(
        self, entry: CommandEntry, command_id: str, by_entry: str, by_event: str | None = None
    ) -> None:
        """Reply under the id of the second entry: the reply to the first one stays under the command's id."""
        message, first = f"entry {by_entry} carried this command already", {"entry": by_entry, "event": by_event}
        event = self.events.command_rejected(command_id, "repeated", message, answered_by=first)
        await self.replies.write(entry, entry.id, [event])
