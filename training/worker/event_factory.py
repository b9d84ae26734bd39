"""Reports: what a worker has to say, as model events."""

from __future__ import annotations

import logging
from typing import Any

from registry.versions import ModelVersionInfo
from schemas.commands import ModelEvent, ModelEventType
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from training.gate.report import GateReport

logger = logging.getLogger(__name__)


class EventFactory:
    """Words the events of one worker, and logs them.

    Args:
        source: the `source` of its events.
    """

    def __init__(self, source: str) -> None:
        self._source = source

    def activated(self, found: ModelVersionInfo, command_id: str | None = None) -> ModelEvent:
        """A version became the desired model."""
        return self.of("model.activated", command_id=command_id, version=found.version, digest=found.digest)

    def unusable(self, error: ModelError, version: str | None, command_id: str | None = None) -> ModelEvent:
        """A model cannot be used; the reason is the check that failed, or `not_found`."""
        reason = error.check if isinstance(error, ModelRejectedError) else "not_found"
        return self.of("model.rejected", command_id=command_id, version=version, reason=reason, message=str(error))

    def refused(self, report: GateReport, command_id: str) -> ModelEvent:
        """The gate did not let a version pass: the reason is ``gate``, or the check that no force overrides."""
        told = {"command_id": command_id, "version": report.version, "message": str(report)}
        checks = [check.model_dump() for check in report.checks]
        return self.of("model.rejected", reason=report.reason, gate=checks, **told)

    def rejected(self, command_id: str | None, reason: str, message: str, **more: Any) -> ModelEvent:
        """A command was not carried out."""
        return self.of("command.rejected", command_id=command_id, reason=reason, message=message, **more)

    def failed(self, command_id: str, error: Exception) -> ModelEvent:
        """A command could not be carried out: `registry_unavailable`, `configuration`, or else `failed`."""
        return self.rejected(command_id, reason_of(error), str(error))

    def of(self, event_type: ModelEventType, **data: Any) -> ModelEvent:
        """Any event, with what is known of its data."""
        told = {name: data[name] for name in ("command_id", "version", "reason") if data.get(name) is not None}
        logger.info("model event", extra={"type": event_type, **told})
        return ModelEvent.of(self._source, event_type, **data)


def reason_of(error: Exception) -> str:
    """The reason that stands for an error which is not the model's."""
    if isinstance(error, RegistryUnavailableError):
        return "registry_unavailable"
    return "configuration" if isinstance(error, ConfigurationError) else "failed"
