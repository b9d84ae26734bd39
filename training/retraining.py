"""Retraining on command, which is skipped if it would repeat the training of the champion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.location import tracking_uri_of
from registry.store import Registry
from registry.versions import TRAINING_TAG, ModelVersionInfo
from schemas.commands import RetrainData
from schemas.settings import Settings
from training.gate.judging import Gate
from training.gate.report import GateReport
from training.progress import ProgressPhase
from training.run import PreparedData, prepare, train_on
from training.trigger import Trigger, training_tag


@dataclass(frozen=True, slots=True)
class Retrained:
    """A registered version and the gate's report; the caller promotes it."""

    version: str
    gate: GateReport


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was trained: data, settings and libraries are those of the champion's training."""

    champion: str


def retrain(
    settings: Settings, request: RetrainData, trigger: Trigger, progress: Callable[[str], None]
) -> Retrained | Unchanged:
    """Train, register and judge a version, unless nothing has changed since the champion was trained.

    The data is the domain's table and, from the audit log, all listings that have an outcome.

    Args:
        settings: domain, MLflow's address, and how to train.
        request: names of recipes, and whether to train even if nothing has changed.
        trigger: the command, and its override of the gate if it forces a promotion.
        progress: called with messages about the progress.

    Raises:
        TasadorError: as `training.train`.
    """
    prepared = prepare(settings, None, request.models, progress, with_outcomes=True)
    registry = Registry(tracking_uri_of(settings), settings.domain)
    champion = registry.find_champion()
    if champion is not None and not request.force and _is_repeated(champion, prepared, settings, request):
        return Unchanged(champion.version)
    result = train_on(prepared, settings, request.models, promote=False, progress=progress, trigger=trigger)
    progress(ProgressPhase("gate"))
    progress(f"judging version {result.version} by the gate")
    gate = Gate(registry, prepared.table.domain, settings)
    return Retrained(result.version, gate.judge(result.version, override=trigger.override, requester=trigger.requester))


def _is_repeated(champion: ModelVersionInfo, prepared: PreparedData, settings: Settings, request: RetrainData) -> bool:
    is_same_data = champion.data_sha256 == prepared.table.sha256()
    return is_same_data and champion.tags.get(TRAINING_TAG) == training_tag(settings, request.models)[TRAINING_TAG]
