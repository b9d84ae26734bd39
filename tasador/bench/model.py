"""The model of a benchmark: trained, registered and activated with the product's own code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from registry.allow_list import allowed_types
from registry.folder import GOLDEN_FILE, MODEL_FILE, read_card, read_reference
from registry.loading import load_pipeline
from registry.location import tracking_uri_of
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from training.worker.changes import change_of_champion
from training.worker.event_factory import EventFactory
from training.worker.metrics import JobMetrics
from training.worker.replies import Activated, Replies
from transport.connection import connect_async

REFERENCE = "xgboost-reference"
"""The recipe that speed is measured with: XGBoost, 300 trees of depth 4."""


def train_reference(settings: Settings, progress: Callable[[str], None]) -> ModelVersionInfo:
    """Train and register the reference model."""
    from training import quick_settings, train

    result = train(quick_settings(settings), models=[REFERENCE], progress=progress)
    return Registry(tracking_uri_of(settings), settings.domain).resolve(version=result.version)


def train_champion(settings: Settings, progress: Callable[[str], None]) -> ModelVersionInfo:
    """Train and register what `tasador train` makes by default."""
    from training import train

    result = train(settings, progress=progress)
    return Registry(tracking_uri_of(settings), settings.domain).resolve(version=result.version)


def register_folder(settings: Settings, folder: Path, run_id: str) -> ModelVersionInfo:
    """Register a stored model as a new version: it has another digest and makes the same predictions."""
    import pandas as pd

    registry = Registry(tracking_uri_of(settings), settings.domain)
    golden, reference = pd.read_parquet(folder / GOLDEN_FILE), read_reference(folder)
    return registry.register(load_pipeline(folder), read_card(folder), golden, reference, run_id=run_id)


def save_booster(model: ModelVersionInfo, path: Path) -> None:
    """Write only the booster of a model, in XGBoost's format."""
    from skops.io import load

    pipeline = load(Path(model.uri) / MODEL_FILE, trusted=allowed_types())
    estimator = pipeline[-1]
    while hasattr(estimator, "steps"):  # a member is a pipeline of its own
        estimator = estimator[-1]
    estimator.get_booster().save_model(path)


def activate(settings: Settings, url: str, model: ModelVersionInfo) -> None:
    """Make a model the desired one, with the script that the training worker uses."""

    async def run() -> None:
        async with connect_async(url) as client:
            metrics = JobMetrics(lambda: False, CollectorRegistry())
            replies = Replies(client, settings.streams, "benchmark", metrics)
            activated, desired = Activated(model, model.version), await replies.desired()
            event = EventFactory("tasador/benchmark").activated(activated, desired)
            change = change_of_champion(model, event, desired)
            await replies.follow(await replies.followed(), model.version, event, change, activated)

    asyncio.run(run())
