"""Runs trainings on command: one at a time, in a process of its own, beside the other commands."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from schemas.commands import Retrain
from schemas.errors import ConfigurationError, RegistryUnavailableError
from schemas.settings import Settings
from training.gate.report import GateReport
from training.worker.event_factory import EventFactory, reason_of
from training.worker.inbox import CommandEntry, CommandInbox, retry_until_redis_answers
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import Replies
from training.worker.training_process import NothingNew, NotTrained, run_job
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)


@dataclass
class TrainingRunner:
    """Trains, and has the result promoted if it passes the gate.

    Attributes:
        settings: of the worker; they name the domain.
        inbox: holds the command's entry, and the domain's one training lock.
        current: the entry and the command of the running training.
    """

    settings: Settings
    inbox: CommandInbox
    replies: Replies
    events: EventFactory
    models: Models
    promoter: Promoter
    current: tuple[CommandEntry, Retrain] | None = None
    _task: asyncio.Task[None] | None = None

    async def start(self, entry: CommandEntry, command: Retrain) -> bool:
        """Start a training; False if one is running, here or in another worker."""
        if self.current is not None or not await self.inbox.acquire_training_lock(entry):
            return False
        self.current = (entry, command)
        self._task = asyncio.create_task(self._run(entry, command))
        return True

    async def stop(self) -> None:
        """Kill a running training; its command stays pending."""
        if self._task is not None:
            await end_tasks([self._task])

    async def _run(self, entry: CommandEntry, command: Retrain) -> None:
        try:
            with self.inbox.holding(entry):
                async for attempt in retry_until_redis_answers(entry):
                    with attempt:
                        await self._train_and_reply(entry, command)
        finally:
            self.current = None

    async def _train_and_reply(self, entry: CommandEntry, command: Retrain) -> None:
        """Train, unless a worker that died had already registered the version, and promote what was trained."""
        started = time.monotonic()
        seconds: float | None = None
        judged: GateReport | None = None
        try:
            model = await self.models.trained_by(command.id)
            if model is None:
                await self.replies.announce(self.events.make("training.started", command_id=command.id))
                result = await run_job(self.settings, command, _log_progress)
                if isinstance(result, NotTrained):
                    await self._reply_failed(entry, command, result.reason, result.message)
                    return
                if isinstance(result, NothingNew):
                    await self._reply_skipped(entry, command, result.champion)
                    return
                model, judged = await self.models.find(result.version), result.gate
                seconds = round(time.monotonic() - started, 3)
        except (RegistryUnavailableError, ConfigurationError) as error:
            await self._reply_failed(entry, command, reason_of(error), str(error))
            return
        about = {"version": model.version, "metrics": model.metrics, "seconds": seconds}
        finished = self.events.make("training.finished", command_id=command.id, **about)
        async with self.promoter.lock:
            await self.promoter.activate(entry, command, self.models.find(model.version), (finished,), judged)

    async def _reply_skipped(self, entry: CommandEntry, command: Retrain, champion: str) -> None:
        message = f"the champion, version {champion}, was trained on the same data in the same way; force trains anyway"
        about = {"command_id": command.id, "version": champion, "reason": "unchanged", "message": message}
        await self.replies.write(entry, command.id, [self.events.make("training.skipped", **about)])

    async def _reply_failed(self, entry: CommandEntry, command: Retrain, reason: str, message: str) -> None:
        event = self.events.make("training.failed", command_id=command.id, reason=reason, message=message)
        await self.replies.write(entry, command.id, [event])


def _log_progress(message: str) -> None:
    logger.info("training progress", extra={"step": message})
