"""Activates models, and promotes versions through the gate: the only module of a worker that sets the champion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field

from registry.stages import PREVIOUS_CHAMPION
from registry.versions import ModelVersionInfo
from schemas.commands import Command, ModelEvent, Promote, Reload, Retrain, Rollback
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from training.gate.report import GateReport, Override
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.models import Models
from training.worker.replies import Replies

logger = logging.getLogger(__name__)

_NOT_ADMITTED = (
    "version {version} was made champion in the registry but never passed the gate; "
    "run `tasador registry promote {version}`"
)


@dataclass
class Promoter:
    """Decides which version of a domain's model is active.

    Attributes:
        replies: writes activations, each with the reply to its command.
        metrics: shows the champion.
        lock: held by each command, and while the champion is followed, so that they do not overlap.
    """

    replies: Replies
    events: EventFactory
    models: Models
    metrics: JobMetrics
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def follow_champion(self) -> None:
        """Activate the registry's champion if it has changed since the last activation.

        Raises:
            RegistryUnavailableError: MLflow does not answer; the next call catches up.
        """
        async with self.lock:
            champion = await self.models.champion()
            if champion:
                self.metrics.set_champion(champion.version, champion.trained_at)
            followed = await self.replies.followed()
            if champion is None or champion.version == followed:
                return
            try:
                if not champion.is_admitted:
                    raise ModelRejectedError("gate", _NOT_ADMITTED.format(version=champion.version))
                await self.models.check(champion)
            except ModelError as error:  # counts as followed, so that it is reported once
                event = self.events.model_rejected(error, champion.version)
                await self.replies.follow(followed, champion.version, event)
            else:
                event = self.events.activated(champion)
                await self.replies.follow(followed, champion.version, event, activate=champion)

    async def find_rollback_target(self, command: Rollback) -> ModelVersionInfo:
        """The version that a rollback goes back to.

        Raises:
            ModelNotFoundError: there was no champion before this one.
            RegistryUnavailableError: MLflow does not answer.
        """
        previous = await self.models.find(alias=PREVIOUS_CHAMPION)
        return await self.models.find(await self.replies.pin_rollback_target(command.id, previous.version))

    async def activate(
        self,
        entry: CommandEntry,
        command: Command,
        finding: Awaitable[ModelVersionInfo],
        before: tuple[ModelEvent, ...] = (),
        judged: GateReport | None = None,
    ) -> None:
        """Activate the version that a command names, and reply with the activation or with the reason against it.

        Args:
            entry: that carried the command.
            command: all but a reload also make the version champion, through the gate.
            finding: finds the version; what it raises becomes the reply.
            before: events that precede the final one in the reply.
            judged: the gate's report on this version, if there is one already.
        """
        model: ModelVersionInfo | None = None
        champion: ModelVersionInfo | None = None
        activated: ModelVersionInfo | None = None
        try:
            model = await finding
            if isinstance(command, Reload):
                await self.models.check(model)
                champion = await self.models.champion()
                report = None
            else:
                report = await self.promote(model, command, judged)
                champion = model
            if report is None or report.is_open:
                event, activated = self.events.activated(model, command.id), model
            else:
                event = self.events.gate_rejected(report, command.id)
        except ModelError as error:
            event = self.events.model_rejected(error, model.version if model else None, command.id)
        except (RegistryUnavailableError, ConfigurationError, OSError) as error:
            event = self.events.command_failed(command.id, error)
        followed = champion.version if champion and activated else None
        await self.replies.write(entry, command.id, [*before, event], activate=activated, champion=followed)

    async def promote(
        self, model: ModelVersionInfo, command: Promote | Rollback | Retrain, judged: GateReport | None = None
    ) -> GateReport:
        """Make a version champion if the gate passes it; returns the gate's report.

        `judged`, an earlier report, is used if the champion is still the one that the version was compared with.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        if isinstance(command, Rollback):
            report = await self.models.judge_rollback(model.version)
        elif judged is not None and judged.champion == await self._champion_version():
            report = judged
        else:
            report = await self.models.judge(model.version, Override.of_command(command))
        logged = {"version": model.version, "command": command.type, "actor": command.actor, "gate": report.status}
        if report.is_open:
            await self.models.set_champion(model.version)
            logger.info("champion set", extra=logged)
        else:
            logger.warning("version did not pass the gate", extra=logged | {"why": str(report)})
        return report

    async def _champion_version(self) -> str | None:
        champion = await self.models.champion()
        return champion.version if champion is not None else None
