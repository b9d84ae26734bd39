"""Carrying out commands: each one once, each one answered."""

from __future__ import annotations

from schemas.commands import Promote, Reload, Retrain, Rollback
from schemas.settings import Settings
from training.worker.command_parsing import parse_command
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry, CommandInbox
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from training.worker.training_runner import TrainingRunner


class CommandHandler:
    """Carries out the commands of one worker, one after another; a training goes on beside the others.

    Args:
        settings: of the worker; its domain's models are meant.
        inbox: keeps what is in hand.
        answers: writes the answers.
        reports: words them.
        models: finds and checks models.
        charge: puts versions in charge.
    """

    def __init__(
        self,
        settings: Settings,
        inbox: CommandInbox,
        answers: Replies,
        reports: EventFactory,
        models: Models,
        charge: Promoter,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._answers = answers
        self._reports = reports
        self._models = models
        self._charge = charge
        self._retrains = TrainingRunner(settings, inbox, answers, reports, models, charge)

    async def carry_out(self, entry: CommandEntry) -> None:
        """Carry out one command, or begin its training."""

        async def take_turn() -> None:
            async with self._charge.turn:
                await self._decide(entry)

        await self._inbox.persist(entry, take_turn)

    async def stop(self) -> None:
        """Kill a training that goes on; its command stays pending."""
        await self._retrains.stop()

    @property
    def is_training(self) -> bool:
        """Whether a training goes on."""
        return self._retrains.current is not None

    async def _decide(self, entry: CommandEntry) -> None:
        order = parse_command(entry.fields)
        command = order.command
        if await self._is_known(entry, order.command_id):
            return
        if command is None:
            await self._reject(entry, order.command_id, order.reason, order.message)
        elif entry.attempts >= self._settings.max_deliveries:
            message = f"given up: {entry.attempts} times the attempt to carry it out ended without an answer"
            await self._reject(entry, command.id, "poison", message)
        else:
            await self._obey(entry, command)

    async def _is_known(self, entry: CommandEntry, command_id: str | None) -> bool:
        """Whether nothing is to be done: it was answered, it is being carried out, or another entry had its id."""
        if self._retrains.current is not None:
            training, command = self._retrains.current
            if training.id == entry.id:  # delivered again by a new group; the training will answer it
                return True
            if command.id == command_id:
                await self._reject_repeated(entry, command_id, training.id)
                return True
        for name in filter(None, (command_id, entry.id)):
            answered = await self._answers.find(name)
            if answered is not None and answered.entry == entry.id:
                await self._answers.acknowledge(entry)
                return True
            if answered is not None:
                await self._reject_repeated(entry, name, answered.entry, answered.event)
                return True
        return False

    async def _obey(self, entry: CommandEntry, command: Reload | Retrain | Promote | Rollback) -> None:
        match command:
            case Reload():
                found = self._models.find(command.data.version, command.data.alias)
                await self._charge.activate(entry, command, found)
            case Promote():
                await self._charge.activate(entry, command, self._models.find(command.data.version))
            case Rollback():
                await self._charge.activate(entry, command, self._charge.find_previous(command))
            case Retrain():
                if not await self._retrains.begin(entry, command):
                    message = "a training goes on; send the command again when it has ended"
                    await self._reject(entry, command.id, "busy", message)

    async def _reject(self, entry: CommandEntry, command_id: str | None, reason: str, message: str) -> None:
        await self._answers.write(entry, command_id or entry.id, [self._reports.rejected(command_id, reason, message)])

    async def _reject_repeated(
        self, entry: CommandEntry, command_id: str, by_entry: str, by_event: str | None = None
    ) -> None:
        """Refuse a second entry of one command; what its id was answered stays what the first entry was answered."""
        message, by = f"entry {by_entry} carried this command already", {"entry": by_entry, "event": by_event}
        event = self._reports.rejected(command_id, "repeated", message, answered_by=by)
        await self._answers.write(entry, entry.id, [event])
