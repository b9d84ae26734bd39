"""Fixtures for workers: a store with three small models, settings with short intervals, and a command client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.commands import Retrain
from schemas.settings import Settings
from service.activity import Activities
from tests.models import train_small_model
from tests.shared_folders import make_once
from tests.training.worker.command_client import CommandClient, settings_for
from training.worker import training_process
from training.worker.models import Models


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose store holds versions 1, 2 and 3; 1 is champion. Its database is copied, not changed."""

    def train(home: Path) -> None:
        for version in range(3):
            train_small_model(home, recipe="linear", promote=version == 0)

    return make_once(tmp_path_factory, "small-models", train)


@pytest.fixture
def worker_settings(tmp_path: Path, small_models: Path, redis_url: str, prefix: str) -> Settings:
    """Settings of a worker with its own keys and its own copy of the store."""
    return settings_for(tmp_path / "home", small_models, redis_url, prefix)


@pytest.fixture
def store(worker_settings: Settings) -> Registry:
    """The registry of `worker_settings`."""
    return Registry(tracking_uri_of(worker_settings), "housing")


@pytest.fixture
def models(worker_settings: Settings) -> Models:
    """The same registry as a worker uses it."""
    return Models(worker_settings, worker_settings.load_domain(), Activities())


@pytest.fixture
def commands(redis_client: redis.Redis, worker_settings: Settings) -> CommandClient:
    """Sends commands to a worker of `worker_settings`."""
    return CommandClient(redis_client, worker_settings)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run trainings in a thread, which saves the imports of a process; their messages are JSON all the same."""

    async def run(settings: Settings, command: Retrain, on_progress: Callable[[str], None]) -> training_process.Result:
        job = {"settings": settings.model_dump(mode="json"), "command": command.model_dump(mode="json")}
        message = await asyncio.to_thread(training_process.train_job, job, on_progress)
        return training_process.Trained.model_validate_json(message.model_dump_json())

    monkeypatch.setattr("service.logs.configure", lambda _: None)
    monkeypatch.setattr("training.worker.training_runner.run_job", run)
