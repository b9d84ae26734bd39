"""Carrying out commands: each one once, each one answered. Only here are models activated and champions set."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from monitoring.job_metrics import JobMetrics
from registry.stages import PREVIOUS_CHAMPION
from registry.versions import ModelVersionInfo
from schemas.commands import ModelEvent, Promote, Reload, Retrain, Rollback
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from schemas.settings import Settings
from training.gate.report import GateReport
from training.worker.activation import Models
from training.worker.answers import Answers
from training.worker.inbox import Entry, Inbox
from training.worker.jobs import NothingNew, NotTrained, run_job
from training.worker.orders import override_of, read_order
from training.worker.reports import Reports, reason_of
from transport.connection import is_transient
from transport.tasks import end_tasks

logger = logging.getLogger(__name__)

_RETRY_S = 0.5
_NOT_ADMITTED = (
    "version {version} was made champion in the registry and never passed the gate: "
    "`tasador registry promote {version}` asks for it"
)


class Execution:
    """Carries out the commands of one worker, one after another; a training goes on beside the others.

    Args:
        settings: of the worker; its domain's models are meant.
        inbox: keeps what is in hand.
        answers: writes the answers.
        reports: words them.
        models: finds and checks models.
        metrics: told who is champion.
    """

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        answers: Answers,
        reports: Reports,
        models: Models,
        metrics: JobMetrics,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._answers = answers
        self._reports = reports
        self._models = models
        self._metrics = metrics
        # commands and the following of the champion take turns; a training waits outside
        self._turn = asyncio.Lock()
        self._trained_for: tuple[Entry, Retrain] | None = None
        self._training: asyncio.Task[None] | None = None

    async def carry_out(self, entry: Entry) -> None:
        """Carry out one command, or begin its training."""

        async def take_turn() -> None:
            async with self._turn:
                await self._decide(entry)

        await self._persist(entry, take_turn)

    async def follow_champion(self) -> None:
        """Activate the champion if somebody has moved the alias since the last activation.

        Raises:
            RegistryUnavailableError: MLflow does not answer; next time will do.
        """
        async with self._turn:
            champion = await self._models.champion()
            if champion:
                self._metrics.set_champion(champion.version, champion.trained_at)
            followed = await self._answers.followed()
            if champion is None or champion.version == followed:
                return
            try:
                if not champion.is_admitted:
                    raise ModelRejectedError("gate", _NOT_ADMITTED.format(version=champion.version))
                await self._models.check(champion)
            except ModelError as error:  # told once, not every few seconds
                event = self._reports.unusable(error, champion.version)
                await self._answers.follow(followed, champion.version, event)
            else:
                await self._answers.follow(
                    followed, champion.version, self._reports.activated(champion), activate=champion
                )

    async def stop(self) -> None:
        """Kill a training that goes on; its command stays pending."""
        if self._training is not None:
            await end_tasks([self._training])

    @property
    def is_training(self) -> bool:
        """Whether a training goes on."""
        return self._trained_for is not None

    async def _persist(self, entry: Entry, step: Callable[[], Awaitable[None]]) -> None:
        """Hold an entry and try until Redis serves; all steps can be repeated, since the answer is fenced."""
        with self._inbox.holding(entry):
            while True:
                try:
                    return await step()
                except RedisError as error:
                    if not is_transient(error):
                        logger.exception("command stays pending", extra={"entry": entry.id})
                        return None
                    logger.warning("command waits for Redis", extra={"entry": entry.id, "error": str(error)})
                except Exception:
                    # taken up again like that of a dead worker, and given up as poison in the end
                    logger.exception("command stays pending", extra={"entry": entry.id})
                    return None
                await asyncio.sleep(_RETRY_S)

    async def _decide(self, entry: Entry) -> None:
        order = read_order(entry.fields)
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

    async def _is_known(self, entry: Entry, command_id: str | None) -> bool:
        """Whether nothing is to be done: it was answered, it is being carried out, or another entry had its id."""
        if self._trained_for is not None:
            training, command = self._trained_for
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

    async def _obey(self, entry: Entry, command: Reload | Retrain | Promote | Rollback) -> None:
        match command:
            case Reload():
                await self._activate(entry, command, self._models.find(command.data.version, command.data.alias))
            case Promote():
                await self._activate(entry, command, self._models.find(command.data.version))
            case Rollback():
                await self._activate(entry, command, self._find_previous(command))
            case Retrain():
                await self._begin_training(entry, command)

    async def _find_previous(self, command: Rollback) -> ModelVersionInfo:
        # once the champion has changed places, previous_champion names another version
        previous = await self._models.find(alias=PREVIOUS_CHAMPION)
        return await self._models.find(await self._answers.aim(command.id, previous.version))

    async def _activate(
        self,
        entry: Entry,
        command: Reload | Retrain | Promote | Rollback,
        finding: Awaitable[ModelVersionInfo],
        before: tuple[ModelEvent, ...] = (),
        judged: GateReport | None = None,
    ) -> None:
        """Answer a command with the activation of what it means, or with why not.

        Args:
            entry: that carried the command.
            command: the command.
            finding: finds the version that it means.
            before: told with the answer.
            judged: what the gate said of that version already.
        """
        found: ModelVersionInfo | None = None
        champion: ModelVersionInfo | None = None
        activate: ModelVersionInfo | None = None
        try:
            found = await finding
            report: GateReport | None = None
            if isinstance(command, Reload):
                await self._models.check(found)
                champion = await self._models.champion()
            else:
                report = await self._crown(found, command, judged)
                champion = found
            if report is None or report.is_open:
                event, activate = self._reports.activated(found, command.id), found
            else:
                event = self._reports.refused(report, command.id)
        except ModelError as error:
            event = self._reports.unusable(error, found.version if found else None, command.id)
        except (RegistryUnavailableError, ConfigurationError, OSError) as error:
            event = self._reports.failed(command.id, error)
        followed = champion.version if champion and activate else None
        await self._answers.write(entry, command.id, [*before, event], activate, followed)

    async def _crown(
        self, found: ModelVersionInfo, command: Promote | Rollback | Retrain, judged: GateReport | None
    ) -> GateReport:
        """Make a version champion if the gate lets it pass: nothing else in a worker does so."""
        if isinstance(command, Rollback):
            report = await self._models.judge_return(found.version)
        elif judged is not None and judged.champion == await self._champion_version():
            report = judged
        else:
            report = await self._models.judge(found.version, override_of(command))
        told = {"version": found.version, "command": command.type, "actor": command.actor, "gate": report.status}
        if report.is_open:
            await self._models.set_champion(found.version)
            logger.info("champion set", extra=told)
        else:
            logger.warning("the gate stayed closed", extra=told | {"why": str(report)})
        return report

    async def _champion_version(self) -> str | None:
        champion = await self._models.champion()
        return champion.version if champion is not None else None

    async def _begin_training(self, entry: Entry, command: Retrain) -> None:
        if self._trained_for is not None or not await self._inbox.take_training_place(entry):
            message = "a training goes on; send the command again when it has ended"
            await self._reject(entry, command.id, "busy", message)
            return
        self._trained_for = (entry, command)
        self._training = asyncio.create_task(self._train(entry, command))

    async def _train(self, entry: Entry, command: Retrain) -> None:
        try:
            await self._persist(entry, lambda: self._train_once(entry, command))
        finally:
            self._trained_for = None

    async def _train_once(self, entry: Entry, command: Retrain) -> None:
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
                    await self._fail_training(entry, command, result.reason, result.message)
                    return
                if isinstance(result, NothingNew):
                    await self._skip_training(entry, command, result.champion)
                    return
                found, judged = await self._models.find(result.version), result.gate
                seconds = round(time.monotonic() - started, 3)
        except (RegistryUnavailableError, ConfigurationError) as error:
            await self._fail_training(entry, command, reason_of(error), str(error))
            return
        told = {"version": found.version, "metrics": found.metrics, "seconds": seconds}
        finished = self._reports.of("training.finished", command_id=command.id, **told)
        async with self._turn:
            await self._activate(entry, command, self._models.find(found.version), (finished,), judged)

    async def _skip_training(self, entry: Entry, command: Retrain, champion: str) -> None:
        message = f"version {champion}, the champion, was trained on the same data in the same way; force trains again"
        told = {"command_id": command.id, "version": champion, "reason": "unchanged", "message": message}
        await self._answers.write(entry, command.id, [self._reports.of("training.skipped", **told)])

    async def _fail_training(self, entry: Entry, command: Retrain, reason: str, message: str) -> None:
        event = self._reports.of("training.failed", command_id=command.id, reason=reason, message=message)
        await self._answers.write(entry, command.id, [event])

    async def _reject(self, entry: Entry, command_id: str | None, reason: str, message: str) -> None:
        await self._answers.write(entry, command_id or entry.id, [self._reports.rejected(command_id, reason, message)])

    async def _reject_repeated(self, entry: Entry, command_id: str, by_entry: str, by_event: str | None = None) -> None:
        """Refuse a second entry of one command; what its id was answered stays what the first entry was answered."""
        message, by = f"entry {by_entry} carried this command already", {"entry": by_entry, "event": by_event}
        event = self._reports.rejected(command_id, "repeated", message, answered_by=by)
        await self._answers.write(entry, entry.id, [event])


def _log_progress(message: str) -> None:
    logger.info("training goes on", extra={"step": message})
