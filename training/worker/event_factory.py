"""Makes and logs the model events of one worker."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from schemas.commands import ModelEvent, ModelEventType
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from schemas.states import DesiredModel
from service.trace_context import trace_attributes
from training.gate.report import GateReport
from training.worker.replies import Activated

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventFactory:
    """Makes the events of one worker, and logs them; `source` is theirs."""

    source: str

    def activated(
        self, activated: Activated, desired: DesiredModel | None, command_id: str | None = None
    ) -> ModelEvent:
        """A version became the desired model, in place of the one that was desired until then."""
        about = {"version": activated.model.version, "digest": activated.model.digest}
        before = desired.version if desired else None
        return self.make("model.activated", command_id=command_id, champion=activated.champion, before=before, **about)

    def model_rejected(self, error: ModelError, version: str | None, command_id: str | None = None) -> ModelEvent:
        """A model cannot be used; the reason is the check that failed, or `not_found`."""
        reason = error.check if isinstance(error, ModelRejectedError) else "not_found"
        return self.make("model.rejected", command_id=command_id, version=version, reason=reason, message=str(error))

    def gate_rejected(self, report: GateReport, command_id: str) -> ModelEvent:
        """The gate rejected a version; the reason is ``gate``, or the binding check that failed."""
        about = {"command_id": command_id, "version": report.version, "message": str(report)}
        checks = [check.model_dump() for check in report.checks]
        return self.make("model.rejected", reason=report.reason, gate=checks, **about)

    def command_rejected(self, command_id: str | None, reason: str, message: str, **more: Any) -> ModelEvent:
        """A command was not carried out."""
        return self.make("command.rejected", command_id=command_id, reason=reason, message=message, **more)

    def command_failed(self, command_id: str, error: Exception) -> ModelEvent:
        """A command failed: `registry_unavailable`, `configuration`, or else `failed`."""
        return self.command_rejected(command_id, reason_of(error), str(error))

    def make(self, event_type: ModelEventType, **data: Any) -> ModelEvent:
        """An event of any type."""
        logged = {name: data[name] for name in ("command_id", "version", "reason") if data.get(name) is not None}
        logger.info("model event", extra={"type": event_type, **logged})
        return ModelEvent.of(self.source, event_type, **data).model_copy(update=trace_attributes())


def reason_of(error: Exception) -> str:
    """The reason in an event for an error that is not the model's."""
    if isinstance(error, RegistryUnavailableError):
        return "registry_unavailable"
    return "configuration" if isinstance(error, ConfigurationError) else "failed"
