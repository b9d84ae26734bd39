"""Activates models, and promotes versions through the gate: the only module of a worker that sets the champion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from registry.decisions import Decision, Requester
from registry.versions import ModelVersionInfo
from schemas.command_line import spell_command
from schemas.commands import Command, ModelEvent, Promote, Reload, Retrain, Rollback
from schemas.errors import (
    ConfigurationError,
    ModelError,
    ModelNotFoundError,
    ModelRejectedError,
    RegistryUnavailableError,
)
from training.gate.report import GateReport, Override
from training.worker.changes import change_by, change_of_champion
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.models import Models
from training.worker.replies import Activated, Replies, RollbackTarget

logger = logging.getLogger(__name__)

_NOT_ADMITTED = "version {version} was made champion in the registry but never passed the gate; run `{promote}`"
_NEEDS_FORCE = "version {version} never passed the gate: promote it (`{promote}`), or add `--force --reason TEXT`"
_NOTHING_BEFORE = (
    "nothing further back: no other version answered before version {version}; "
    "`{reload}` activates any registered version"
)


@dataclass
class Promoter:
    """Decides which version of a domain's model is active.

    Attributes:
        replies: writes activations, each with the reply to its command.
        metrics: shows the champion.
        lock: held by each command, and while the champion is followed, so that they do not overlap.
        champion: the registry's champion when it was followed last; None before, and if there is none.
        versions: how many versions were registered then; None before.
    """

    replies: Replies
    events: EventFactory
    models: Models
    metrics: JobMetrics
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    champion: str | None = None
    versions: int | None = None

    async def follow_champion(self) -> None:
        """Activate the registry's champion if it has changed since the last activation.

        Raises:
            RegistryUnavailableError: MLflow does not answer; the next call catches up.
        """
        async with self.lock:
            champion = await self.models.champion()
            self.champion, self.versions = champion.version if champion else None, await self.models.count()
            if champion:
                self.metrics.set_champion(champion.version, champion.trained_at)
            followed = await self.replies.followed()
            if champion is None or champion.version == followed:
                return
            desired = await self.replies.desired()
            activated = None
            try:
                if not champion.is_admitted:
                    raise ModelRejectedError("gate", self._advise(_NOT_ADMITTED, champion.version))
                await self.models.check(champion)
            except ModelError as error:  # counts as followed, so that it is reported once
                event = self.events.model_rejected(error, champion.version)
            else:
                activated = Activated(champion, champion.version)
                event = self.events.activated(activated, desired)
            change = change_of_champion(champion, event, desired)
            await self.replies.follow(followed, champion.version, event, change, activated)

    async def find_rollback_target(self, command: Rollback) -> ModelVersionInfo:
        """The version that a rollback goes back to: the one that answered before the desired one.

        Raises:
            ModelNotFoundError: no other version answered before.
            RegistryUnavailableError: MLflow does not answer.
        """
        return await self.models.find((await self._rollback_target(command)).version)

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
            command: a promotion and a retraining also make the version champion, through the gate.
            finding: finds the version; what it raises becomes the reply.
            before: events that precede the final one in the reply.
            judged: the gate's report on this version, if there is one already.
        """
        model: ModelVersionInfo | None = None
        activated: Activated | None = None
        is_forced = False
        try:
            model = await finding
            activated, report = await self._decide(model, command, judged)
            is_forced = report.status == "forced" if report else not model.is_admitted
            if activated is not None:
                event = self.events.activated(activated, await self.replies.desired(), command.id)
            else:
                assert report is not None  # noqa: S101 - only a closed gate activates nothing
                event = self.events.gate_rejected(report, command.id)
        except ModelError as error:
            event = self.events.model_rejected(error, model.version if model else None, command.id)
        except (RegistryUnavailableError, ConfigurationError, OSError) as error:
            event = self.events.command_failed(command.id, error)
        change = change_by(command, event, is_forced=is_forced and activated is not None)
        await self.replies.write(entry, command.id, [*before, event], change=change, activated=activated)

    async def _decide(
        self, model: ModelVersionInfo, command: Command, judged: GateReport | None
    ) -> tuple[Activated | None, GateReport | None]:
        """What a command activates, None if the gate is closed; and the gate's report, None for a reload."""
        if isinstance(command, Reload):
            return await self._reload(model, command), None
        if isinstance(command, Rollback):
            report = await self.models.judge_rollback(model.version)
            return (await self._roll_back(model, command) if report.is_open else None), report
        if not isinstance(command, Promote | Retrain):
            raise TypeError(f"{command.type} activates no model")
        report = await self.promote(model, command, judged)
        return (Activated(model, model.version) if report.is_open else None), report

    async def _reload(self, model: ModelVersionInfo, command: Reload) -> Activated:
        if not (model.is_admitted or command.data.force):
            raise ModelRejectedError("gate", self._advise(_NEEDS_FORCE, model.version))
        await self.models.check(model)
        champion = await self.models.champion()
        if command.data.force:
            requester = Requester(command.actor, "command", command.id)
            time = datetime.now(UTC).isoformat()
            await self.models.keep_decision(
                model.version, Decision(time, "activated", "", requester, command.data.reason)
            )
        return Activated(model, champion.version if champion else None)

    async def _roll_back(self, model: ModelVersionInfo, command: Rollback) -> Activated:
        """Make the champion of that time champion again, if it is still there and has passed the gate."""
        target = await self._rollback_target(command)
        champion = await self._champion_version()
        if target.champion and target.champion != champion:
            with suppress(ModelNotFoundError):
                if (await self.models.find(target.champion)).is_admitted:
                    await self.models.set_champion(target.champion)
                    champion = target.champion
        return Activated(model, champion, target.remaining)

    async def _rollback_target(self, command: Rollback) -> RollbackTarget:
        target = await self.replies.rollback_target(command.id)
        if target is None:
            desired = await self.replies.desired()
            raise ModelNotFoundError(self._advise(_NOTHING_BEFORE, desired.version if desired else "none"))
        return target

    async def promote(
        self, model: ModelVersionInfo, command: Promote | Retrain, judged: GateReport | None = None
    ) -> GateReport:
        """Make a version champion if the gate passes it; returns the gate's report.

        `judged`, an earlier report, is used if the champion is still the one that the version was compared with.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        if judged is not None and judged.champion == await self._champion_version():
            report = judged
        else:
            requester = Requester(command.actor, "command", command.id)
            rollout = await self.replies.rollout_report()
            report = await self.models.judge(model.version, Override.of_command(command), requester, rollout)
        logged = {"version": model.version, "command": command.type, "actor": command.actor, "gate": report.status}
        if report.is_open:
            await self.models.set_champion(model.version)
            logger.info("champion set", extra=logged)
        else:
            logger.warning("version did not pass the gate", extra=logged | {"why": str(report)})
        return report

    def _advise(self, message: str, version: str) -> str:
        domain = self.models.domain.name
        promote = spell_command(f"registry promote {version}", domain)
        return message.format(version=version, promote=promote, reload=spell_command("reload --version N", domain))

    async def _champion_version(self) -> str | None:
        champion = await self.models.champion()
        return champion.version if champion is not None else None
