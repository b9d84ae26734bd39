"""A training that a command asks for: left out where it would only repeat how the champion was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.location import tracking_uri_of
from registry.store import Registry
from registry.versions import TRAINING_TAG, ModelVersionInfo
from schemas.commands import RetrainData
from schemas.errors import ModelNotFoundError
from schemas.settings import Settings
from training.gate.judging import Gate
from training.gate.report import GateReport
from training.run import Prepared, prepare, train_on
from training.trigger import Trigger, training_tag


@dataclass(frozen=True, slots=True)
class Retrained:
    """A version was registered, and the gate has judged it; its alias is for others to move."""

    version: str
    gate: GateReport


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was trained: the champion was made from the same data in the same way."""

    champion: str


def retrain(
    settings: Settings, order: RetrainData, occasion: Trigger, progress: Callable[[str], None]
) -> Retrained | Unchanged:
    """Train, register and judge, unless nothing has changed since the champion was trained.

    The data is that of the domain and, from the audit log, every listing whose outcome has come since.

    Args:
        settings: which domain, where MLflow is, and how to train.
        order: which recipes to try, and whether to train in any case.
        occasion: what asked for it, and whether the gate is overridden.
        progress: is told how far it is.

    Raises:
        TasadorError: as `training.train`.
    """
    prepared = prepare(settings, None, order.models, progress, with_outcomes=True)
    registry = Registry(tracking_uri_of(settings), settings.domain)
    champion = _champion(registry)
    if champion is not None and not order.force and _is_repeated(champion, prepared, settings, order):
        return Unchanged(champion.version)
    result = train_on(prepared, settings, order.models, promote=False, progress=progress, occasion=occasion)
    progress(f"version {result.version} is before the gate")
    gate = Gate(registry, prepared.table.domain, settings)
    return Retrained(result.version, gate.judge(result.version, override=occasion.override))


def _champion(registry: Registry) -> ModelVersionInfo | None:
    try:
        return registry.resolve()
    except ModelNotFoundError:
        return None


def _is_repeated(champion: ModelVersionInfo, prepared: Prepared, settings: Settings, order: RetrainData) -> bool:
    is_same_data = champion.data_sha256 == prepared.table.sha256()
    return is_same_data and champion.tags.get(TRAINING_TAG) == training_tag(settings, order.models)[TRAINING_TAG]
