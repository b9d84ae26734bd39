"""Retraining on command: one training at a time, in a process of its own, while other commands are carried out."""

from __future__ import annotations

import asyncio
import logging
import time

from schemas.commands import Retrain
from schemas.errors import ConfigurationError, RegistryUnavailableError
from schemas.settings import Settings
from training.gate.report import GateReport
from training.worker.event_factory import EventFactory, reason_of
from training.worker.inbox import CommandEntry, CommandInbox
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from training.worker.training_process import NothingNew, NotTrained, run_job
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)


class TrainingRunner:
    """Trains for whoever commands it, and lets the gate decide about what came of it.

    Args:
        settings: of the worker; its domain's models are meant.
        inbox: keeps the command in hand, and the one place for a training.
        answers: writes the answers.
        reports: words them.
        models: finds what was trained.
        charge: puts a version in charge that passes.

    Attributes:
        current: the entry and the command for which a training goes on.
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
        self._task: asyncio.Task[None] | None = None
        self.current: tuple[CommandEntry, Retrain] | None = None

    async def begin(self, entry: CommandEntry, command: Retrain) -> bool:
        """Begin a training; False if one goes on, here or in another worker."""
        if self.current is not None or not await self._inbox.acquire_training_lock(entry):
            return False
        self.current = (entry, command)
        self._task = asyncio.create_task(self._train(entry, command))
        return True

    async def stop(self) -> None:
        """Kill a training that goes on; its command stays pending."""
        if self._task is not None:
            await end_tasks([self._task])

    async def _train(self, entry: CommandEntry, command: Retrain) -> None:
        try:
            await self._inbox.persist(entry, lambda: self._train_once(entry, command))
        finally:
            self.current = None

    async def _train_once(self, entry: CommandEntry, command: Retrain) -> None:
        """Train, unless a worker that died had already done so, and activate what came of it."""
        started = time.monotonic()
        seconds: float | None = None
        judged: GateReport | None = None
        try:
            found = await self._models.trained_by(command.id)
            if found is None:
                await self._answers.announce(self._reports.of("training.started", command_id=command.id))
                result = await run_job(self._settings, command, _log_progress)
                if isinstance(result, NotTrained):
                    await self._fail(entry, command, result.reason, result.message)
                    return
                if isinstance(result, NothingNew):
                    await self._skip(entry, command, result.champion)
                    return
                found, judged = await self._models.find(result.version), result.gate
                seconds = round(time.monotonic() - started, 3)
        except (RegistryUnavailableError, ConfigurationError) as error:
            await self._fail(entry, command, reason_of(error), str(error))
            return
        told = {"version": found.version, "metrics": found.metrics, "seconds": seconds}
        finished = self._reports.of("training.finished", command_id=command.id, **told)
        async with self._charge.turn:
            await self._charge.activate(entry, command, self._models.find(found.version), (finished,), judged)

    async def _skip(self, entry: CommandEntry, command: Retrain, champion: str) -> None:
        message = f"version {champion}, the champion, was trained on the same data in the same way; force trains again"
        told = {"command_id": command.id, "version": champion, "reason": "unchanged", "message": message}
        await self._answers.write(entry, command.id, [self._reports.of("training.skipped", **told)])

    async def _fail(self, entry: CommandEntry, command: Retrain, reason: str, message: str) -> None:
        event = self._reports.of("training.failed", command_id=command.id, reason=reason, message=message)
        await self._answers.write(entry, command.id, [event])


def _log_progress(message: str) -> None:
    logger.info("training goes on", extra={"step": message})
