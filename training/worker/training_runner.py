"""Runs trainings on command: one at a time, in a process of its own, beside the other commands."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial

from registry.decisions import Requester
from schemas.commands import CancelTraining, ModelEvent, Retrain, StartRollout
from schemas.errors import ConfigurationError, RegistryUnavailableError
from schemas.events import MAX_ID
from schemas.rollout_commands import RolloutStartData
from schemas.settings import Settings
from service.activity import Activities, RunningActivity
from training.gate.report import GateReport
from training.progress import note_progress
from training.worker.changes import change_by
from training.worker.event_factory import EventFactory, reason_of
from training.worker.inbox import CommandEntry, CommandInbox, retry_until_redis_answers
from training.worker.models import Models
from training.worker.promoter import Promoter
from training.worker.replies import CancelRequest, Replies
from training.worker.training_process import NothingNew, NotTrained, Result, run_job
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)

_POLL_S = 0.2


@dataclass
class TrainingRunner:
    """Trains, and has the result promoted if it passes the gate.

    Attributes:
        settings: of the worker; they name the domain.
        inbox: holds the command's entry, and the domain's one training lock.
        activities: shows the training and its phase.
        current: the entry and the command of the running training.
    """

    settings: Settings
    inbox: CommandInbox
    replies: Replies
    events: EventFactory
    models: Models
    promoter: Promoter
    activities: Activities
    current: tuple[CommandEntry, Retrain] | None = None
    _task: asyncio.Task[None] | None = None
    _waiting: set[asyncio.Task[None]] = field(default_factory=set)
    _job: asyncio.Task[Result] | None = None
    _cancelling: CancelRequest | None = None

    async def start(self, entry: CommandEntry, command: Retrain) -> bool:
        """Start a training; False if one is running, here or in another worker."""
        if self.current is not None or not await self.inbox.acquire_training_lock(entry):
            return False
        self.current = (entry, command)
        self._task = asyncio.create_task(self._run(entry, command))
        return True

    async def stop(self) -> None:
        """Kill a running training; its command stays pending."""
        await end_tasks([*self._waiting, *([self._task] if self._task is not None else [])])

    async def request_cancel(self, entry: CommandEntry, command: CancelTraining) -> bool:
        """Have the worker that trains stop its training and reply to both commands; False if none is running."""
        training = await self.inbox.running_training()
        if training is None:
            return False
        await self.replies.request_cancel(training, CancelRequest(entry=entry.id, command=command))
        await self.follow_cancel()
        waiting = asyncio.create_task(self._await_cancelled(entry, command, training), name="cancellation")
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)
        return True

    async def _await_cancelled(self, entry: CommandEntry, command: CancelTraining, training: str) -> None:
        """Hold the command until the training has ended, and reply to it if it came too late."""
        with self.inbox.holding(entry):
            async for attempt in retry_until_redis_answers(entry):
                with attempt:
                    while await self.inbox.running_training() == training:  # noqa: ASYNC110 - maybe another worker's
                        await asyncio.sleep(_POLL_S)
                    if await self.replies.find(command.id) is None:
                        message = "the training had ended before it could be stopped"
                        event = self.events.command_rejected(command.id, "too_late", message)
                        await self.replies.write(entry, command.id, [event], change=change_by(command, event))

    async def follow_cancel(self) -> None:
        """Stop the training if that was requested, by this worker or another one. It may be too late."""
        if self.current is None or self._job is None or self._cancelling is not None:
            return
        request = await self.replies.find_cancel(self.current[0].id)
        # what has ended is judged and promoted
        if request is not None and not self._job.done():
            self._cancelling = request
            self._job.cancel()

    async def _run(self, entry: CommandEntry, command: Retrain) -> None:
        try:
            with self.inbox.holding(entry):
                async for attempt in retry_until_redis_answers(entry):
                    with attempt:
                        await self._train_and_reply(entry, command)
        finally:
            self.current = self._job = self._cancelling = None

    async def _train_and_reply(self, entry: CommandEntry, command: Retrain) -> None:
        """Train, unless a worker that died had already registered the version, and promote what was trained."""
        started = time.monotonic()
        seconds: float | None = None
        judged: GateReport | None = None
        try:
            if request := await self.replies.find_cancel(entry.id):  # the worker that was asked has died
                await self._reply_cancelled(entry, command, request)
                return
            model = await self.models.trained_by(command.id)
            if model is None:
                await self.replies.announce(self.events.make("training.started", command_id=command.id))
                result = await self._run_job(command)
                if result is None:
                    await self._reply_cancelled(entry, command, self._cancelling)
                    return
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
            if await self._is_left_to_rollout(command):
                # a worker that died had registered the version, and perhaps not judged it
                judged = judged or await self._judge(command, model.version)
                if judged.is_open:
                    await self._start_rollout(entry, command, model.version, finished)
                    return
            await self.promoter.activate(entry, command, self.models.find(model.version), (finished,), judged)

    async def _is_left_to_rollout(self, command: Retrain) -> bool:
        """Whether a version that passes the gate is rolled out step by step, instead of promoted at once."""
        if self.settings.loop.promote_by == "gate" or command.data.cause == "operator" or command.data.force:
            return False
        # without a desired model there is nothing to put it beside
        return await self.replies.desired() is not None

    async def _judge(self, command: Retrain, version: str) -> GateReport:
        return await self.models.judge(version, None, Requester(command.actor, "command", command.id))

    async def _start_rollout(self, entry: CommandEntry, command: Retrain, version: str, finished: ModelEvent) -> None:
        """Ask for the rollout, in a command whose id follows from this one's, and reply."""
        data = RolloutStartData(version=version, follows_steps=True, reason=command.data.reason)
        start = StartRollout(id=f"rollout-of-{command.id}"[:MAX_ID], actor=command.actor, data=data)
        await self.replies.send(start)
        message = f"version {version} passed the gate; its rollout decides whether it is promoted"
        done = self.events.make("command.done", command_id=command.id, version=version, message=message)
        await self.replies.write(entry, command.id, [finished, done], change=change_by(command, done))

    async def _run_job(self, command: Retrain) -> Result | None:
        """The result of the training; None if it was cancelled by a command."""
        with self.activities.doing("training", command.id) as activity:
            job = run_job(self.settings, command, partial(_note_progress, activity))
            self._job = asyncio.create_task(job, name="training")
            try:
                return await self._job
            except asyncio.CancelledError:
                if self._cancelling is None:  # this worker stops
                    raise
                return None

    async def _reply_cancelled(self, entry: CommandEntry, command: Retrain, request: CancelRequest | None) -> None:
        assert request is not None  # noqa: S101 - only a request cancels
        by, left = request.command, "it has registered nothing"
        try:
            await self.models.discard_trained_by(command.id)
        except RegistryUnavailableError as error:
            left = f"whether it had registered a version is not known: {error}"
        message = f"stopped by {by.actor}" + (f": {by.data.reason}" if by.data.reason else "")
        about = {"command_id": command.id, "reason": "cancelled", "message": message, "cancelled_by": by.id}
        event = self.events.make("training.cancelled", **about)
        message = f"the training of command {command.id} was stopped; {left}"
        done = self.events.make("command.done", command_id=by.id, message=message)
        # in this order: the request is there until the training's reply, so after a crash both are written again
        await self.replies.write(CommandEntry(request.entry, {}), by.id, [done], change=change_by(by, done))
        await self.replies.write(entry, command.id, [event], change=change_by(command, event))

    async def _reply_skipped(self, entry: CommandEntry, command: Retrain, champion: str) -> None:
        message = f"the champion, version {champion}, was trained on the same data in the same way; force trains anyway"
        about = {"command_id": command.id, "version": champion, "reason": "unchanged", "message": message}
        event = self.events.make("training.skipped", **about)
        await self.replies.write(entry, command.id, [event], change=change_by(command, event))

    async def _reply_failed(self, entry: CommandEntry, command: Retrain, reason: str, message: str) -> None:
        event = self.events.make("training.failed", command_id=command.id, reason=reason, message=message)
        await self.replies.write(entry, command.id, [event], change=change_by(command, event))


def _note_progress(activity: RunningActivity, message: str) -> None:
    note_progress(activity, message)
    logger.info("training progress", extra={"step": message})
