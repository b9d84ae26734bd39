"""A version of a registered model: its record, and the names of its tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from registry.stages import Stage, stage_of
from schemas.states import DesiredModel

DIGEST_TAG = "artifact_sha256"
NO_FORM_TAG = "no_serving_form"
"""Why it has no serving form; a version that has one lacks the tag."""
FINGERPRINT_TAG = "fingerprint"
"""Equal for equal data, parameters and library versions (see `registry.fingerprint`)."""
ALGORITHM_TAG = "model_type"
DATA_TAG = "data_sha256"
TRAINED_TAG = "training_date"
COMMAND_TAG = "command_id"
STATUS_TAG = "validation_status"
TRIGGER_TAG = "trigger"
TRAINED_BY_TAG = "trained_by"
CAUSE_TAG = "cause"
"""Why its training was requested (`schemas.commands.RetrainCause`)."""
GIT_TAG = "git_commit"
TRAINING_TAG = "training_sha256"
"""Hash of the training configuration; a training with the same hash on the same data is not repeated."""
FOLDS_TAG = "folds_sha256"
"""Digest of its fold record, which the gate reads."""

ADMITTED_TAG = "admitted_at"
"""When the gate admitted it as champion, or was overridden; the worker activates no champion without it."""
FORCED_BY_TAG = "forced_by"
FORCED_TAG = "forced_because"

REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class ModelVersionInfo:
    """One version.

    Attributes:
        name: of the registered model, which is the domain's.
        version: its number, as text (SQLite gives an int, a server a str).
        digest: SHA-256 of the stored artifact, as recorded at registration.
        uri: of the artifact: a path for a local store, an MLflow artifact URI otherwise.
        run_id: the run that made it.
        algorithm: the recipe that made it.
        trained_at: when, ISO 8601.
        data_sha256: content hash of its data.
        status: ``registered``, or the gate's last result: ``passed``, ``staged``, ``forced``, ``failed``.
        command_id: the command that requested its training, if one did.
        aliases: that point to it.
        tags: all tags.
        metrics: of its run; of a server's versions only `Registry.resolve` and `Registry.register` fill them.
    """

    name: str
    version: str
    digest: str
    uri: str
    run_id: str
    algorithm: str
    trained_at: str
    data_sha256: str
    status: str
    command_id: str | None
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def is_admitted(self) -> bool:
        """Whether the gate has ever admitted it as champion."""
        return ADMITTED_TAG in self.tags

    @property
    def why_no_form(self) -> str | None:
        """Why it is scored through its pipeline; None if it has a serving form."""
        return self.tags.get(NO_FORM_TAG)

    @property
    def stage(self) -> Stage:
        """The stage that its aliases and tags express."""
        return stage_of(self.aliases, self.tags)

    def desired(self, activation: str, command_id: str | None = None) -> DesiredModel:
        """This version as the desired model of all consumers."""
        return DesiredModel(
            activation=activation, version=self.version, digest=self.digest, uri=self.uri, command_id=command_id
        )


class VersionRecord(Protocol):
    """What MLflow's store holds about a version; MLflow's `ModelVersion` is one."""

    @property
    def name(self) -> str:
        """The registered model."""

    @property
    def version(self) -> Any:
        """The number."""

    @property
    def run_id(self) -> Any:
        """The run that made it."""

    @property
    def tags(self) -> Any:
        """Tag -> value."""


def info_of(
    record: VersionRecord, uri: str, aliases: dict[str, Any], metrics: dict[str, float] | None = None
) -> ModelVersionInfo:
    """A version from its record; `aliases` are those of the whole model, alias -> version."""
    tags = dict(record.tags)
    version = str(record.version)
    return ModelVersionInfo(
        name=record.name,
        version=version,
        digest=tags.get(DIGEST_TAG, ""),
        uri=uri,
        run_id=record.run_id or "",
        algorithm=tags.get(ALGORITHM_TAG, "unknown"),
        trained_at=tags.get(TRAINED_TAG, ""),
        data_sha256=tags.get(DATA_TAG, ""),
        status=tags.get(STATUS_TAG, ""),
        command_id=tags.get(COMMAND_TAG),
        aliases=tuple(sorted(alias for alias, target in aliases.items() if str(target) == version)),
        tags=tags,
        metrics=metrics or {},
    )
