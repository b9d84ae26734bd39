"""Fixtures for workers: a store with three small models, settings that hurry, an operator's desk."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.settings import Settings
from tests.models import train_small_model
from tests.training.worker.desk import Desk, settings_for
from training.worker.activation import Models


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose store holds versions 1, 2 and 3; 1 is champion. Its database is copied, not changed."""
    home = tmp_path_factory.mktemp("store")
    for version in range(3):
        train_small_model(home, recipe="linear", promote=version == 0)
    return home


@pytest.fixture
def worker_settings(tmp_path: Path, small_models: Path, redis_url: str, prefix: str) -> Settings:
    """Settings of a worker on keys and a copy of the store of its own."""
    return settings_for(tmp_path / "home", small_models, redis_url, prefix)


@pytest.fixture
def store(worker_settings: Settings) -> Registry:
    """The registry of those settings."""
    return Registry(tracking_uri_of(worker_settings), "housing")


@pytest.fixture
def models(worker_settings: Settings) -> Models:
    """The same as a worker sees it."""
    return Models(worker_settings, worker_settings.load_domain())


@pytest.fixture
def desk(redis_client: redis.Redis, worker_settings: Settings) -> Desk:
    """The operator's side of those settings."""
    return Desk(redis_client, worker_settings)
