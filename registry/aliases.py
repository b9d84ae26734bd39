"""Changes of aliases and stages that operators make. The training worker alone changes the champion."""

from __future__ import annotations

from registry.stages import CHALLENGER, CHAMPION, PREVIOUS_CHAMPION, STAGE_TAG, Stage
from registry.store import Registry
from schemas.errors import ModelRejectedError

_RESERVED = {
    CHAMPION: "a model keeps its champion until another version is promoted",
    PREVIOUS_CHAMPION: "each change of the champion sets it",
}


def set_challenger(registry: Registry, version: str) -> None:
    """Make a version challenger; the caller has passed it through the gate."""
    registry.set_alias(CHALLENGER, version)
    registry.set_tags(version, {STAGE_TAG: ""})


def retire(registry: Registry, version: str, stage: Stage) -> None:
    """Remove a version from its stage: to Archived if it is no longer wanted, or to None.

    Raises:
        ModelNotFoundError: there is no such version.
        ModelRejectedError: ("champion") it is champion.
        RegistryUnavailableError: MLflow does not answer.
    """
    info = registry.resolve(version=version)
    if CHAMPION in info.aliases:
        raise ModelRejectedError("champion", f"version {version} is champion: promote another version, or roll back")
    if CHALLENGER in info.aliases:
        registry.delete_alias(CHALLENGER)
    registry.set_tags(version, {STAGE_TAG: stage.value if stage is Stage.ARCHIVED else ""})


def set_user_alias(registry: Registry, alias: str, version: str) -> None:
    """Point an operator's own alias to a version.

    Raises:
        ModelNotFoundError: there is no such version.
        ModelRejectedError: ("alias") the alias is reserved.
        RegistryUnavailableError: MLflow does not answer.
    """
    _reject_reserved(alias)
    registry.set_alias(alias, version)


def delete_user_alias(registry: Registry, alias: str) -> None:
    """Delete an operator's own alias; raises as `set_user_alias`."""
    _reject_reserved(alias)
    registry.delete_alias(alias)


def _reject_reserved(alias: str) -> None:
    if alias in _RESERVED:
        raise ModelRejectedError("alias", f"the alias {alias} cannot be set by hand: {_RESERVED[alias]}")
