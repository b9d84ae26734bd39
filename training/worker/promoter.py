"""Putting versions in charge: activations, and champions that the gate lets pass. Nobody else in a worker does so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from registry.stages import PREVIOUS_CHAMPION
from registry.versions import ModelVersionInfo
from schemas.commands import ModelEvent, Promote, Reload, Retrain, Rollback
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from training.gate.report import GateReport
from training.worker.command_parsing import override_of
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.models import Models
from training.worker.replies import Replies

logger = logging.getLogger(__name__)

_NOT_ADMITTED = (
    "version {version} was made champion in the registry and never passed the gate: "
    "`tasador registry promote {version}` asks for it"
)


class Promoter:
    """Decides which version is in charge of a domain.

    Args:
        answers: writes activations, with the answer to whoever asked for one.
        reports: words them.
        models: finds and checks models.
        metrics: told who is champion.

    Attributes:
        turn: commands and the following of the champion take turns.
    """

    def __init__(self, answers: Replies, reports: EventFactory, models: Models, metrics: JobMetrics) -> None:
        self._answers = answers
        self._reports = reports
        self._models = models
        self._metrics = metrics
        self.turn = asyncio.Lock()

    async def follow_champion(self) -> None:
        """Activate the champion if somebody has moved the alias since the last activation.

        Raises:
            RegistryUnavailableError: MLflow does not answer; next time will do.
        """
        async with self.turn:
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

    async def find_previous(self, command: Rollback) -> ModelVersionInfo:
        """The version that a rollback means.

        Raises:
            ModelNotFoundError: no version was champion before.
        """
        # once the champion has changed places, previous_champion names another version
        previous = await self._models.find(alias=PREVIOUS_CHAMPION)
        return await self._models.find(await self._answers.aim(command.id, previous.version))

    async def activate(
        self,
        entry: CommandEntry,
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
