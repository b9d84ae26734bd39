"""Moving versions between stages, but for the champion: that is for the gate and the training worker alone."""

from __future__ import annotations

from registry.stages import CHALLENGER, CHAMPION, PREVIOUS_CHAMPION, STAGE_TAG, Stage
from registry.store import Registry
from schemas.errors import ModelRejectedError

_KEPT = {
    CHAMPION: "a model keeps its champion until another version is promoted",
    PREVIOUS_CHAMPION: "promotions set it, so that rollback goes to what was in charge",
}


def challenge(registry: Registry, version: str) -> None:
    """Make a version challenger; whoever calls this has asked the gate."""
    registry.set_alias(CHALLENGER, version)
    registry.set_tags(version, {STAGE_TAG: ""})


def retire(registry: Registry, version: str, stage: Stage) -> None:
    """Take a version off: Archived says that nobody wants it any more, None says nothing.

    Raises:
        ModelNotFoundError: there is no such version.
        ModelRejectedError: ("in_charge") it is champion.
        RegistryUnavailableError: MLflow does not answer.
    """
    found = registry.resolve(version=version)
    if CHAMPION in found.aliases:
        raise ModelRejectedError("in_charge", f"version {version} is champion: promote another, or roll back")
    if CHALLENGER in found.aliases:
        registry.delete_alias(CHALLENGER)
    registry.set_tags(version, {STAGE_TAG: stage.value if stage is Stage.ARCHIVED else ""})


def name_version(registry: Registry, alias: str, version: str) -> None:
    """Point an alias of people's own to a version.

    Raises:
        ModelNotFoundError: there is no such version.
        ModelRejectedError: ("alias") the alias is one that moves by itself.
        RegistryUnavailableError: MLflow does not answer.
    """
    _refuse_kept(alias)
    registry.set_alias(alias, version)


def forget_alias(registry: Registry, alias: str) -> None:
    """Let an alias point nowhere; raises as `name_version`."""
    _refuse_kept(alias)
    registry.delete_alias(alias)


def _refuse_kept(alias: str) -> None:
    if alias in _KEPT:
        raise ModelRejectedError("alias", f"the alias {alias} is not set by hand: {_KEPT[alias]}")
