"""A training worker says that it lives, what it knows of the registry, and what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operations.processes import read_processes
from schemas.commands import Retrain, RetrainData
from schemas.settings import Settings
from schemas.states import TrainerHeartbeat
from service.heartbeat import FORGET_S
from tests.operations.answers import beat_as
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until, wait_until_async
from training.progress import ProgressPhase
from training.worker import training_process


def _beats(commands: CommandClient) -> dict[str, TrainerHeartbeat]:
    trainers = read_processes(commands.redis, commands.streams).trainers
    return {each.heartbeat.name: each.heartbeat for each in trainers}


async def test_a_worker_shows_itself_with_champion_and_versions_until_it_leaves(
    commands: CommandClient, worker_settings: Settings
) -> None:
    dead: dict[str, Any] = {"at_ms": int(commands.redis.time()[0] * 1000) - FORGET_S * 1000 - 1000}
    beat_as(commands.redis, commands.streams.trainers, TrainerHeartbeat, "dead", **dead)
    async with working(worker_settings.model_copy(update={"heartbeat_s": 0.1})):
        await wait_until_async(lambda: "w1" in _beats(commands) and _beats(commands)["w1"].versions == 3)
        assert _beats(commands)["w1"].champion == "1"
        await wait_until_async(lambda: list(_beats(commands)) == ["w1"], message="the dead one is forgotten")
    assert not commands.redis.exists(commands.streams.trainers)


@pytest.mark.usefixtures("in_this_process")
async def test_a_training_shows_its_phases(
    commands: CommandClient, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases: set[str | None] = set()
    train: Callable[..., Any] = training_process.train_job

    def train_until_seen(job: dict[str, Any], on_progress: Callable[[str], None]) -> Any:
        """Train, and let no phase end before a heartbeat has shown it."""

        def report(message: str) -> None:
            on_progress(message)
            if isinstance(message, ProgressPhase):
                wait_until(lambda: message in phases, message=message)

        return train(job, report)

    monkeypatch.setattr(training_process, "train_job", train_until_seen)
    async with working(worker_settings.model_copy(update={"heartbeat_s": 0.01})):
        retrain = Retrain(data=RetrainData(models=("linear",), force=True))
        commands.send(retrain)

        def is_answered() -> bool:
            for beat in _beats(commands).values():
                phases.update(one.phase for one in beat.activities if one.command_id == retrain.id)
            return commands.find_reply(retrain.id) is not None

        await wait_until_async(is_answered, 90)
    assert {"ingest", "validate", "train", "evaluate", "report", "register", "gate"} <= phases


async def test_a_worker_reports_an_edited_params_file(
    commands: CommandClient, worker_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.worker.app.WATCH_S", 0.05)
    monkeypatch.chdir(tmp_path)
    params = tmp_path / "params.yaml"
    params.write_text("training: {folds: 5}\n")
    async with working(worker_settings.model_copy(update={"heartbeat_s": 0.05})):
        await wait_until_async(lambda: "w1" in _beats(commands))
        params.write_text("training: {folds: 3, repeats: 1}\n")
        named = "training.folds (5, now 3)"
        await wait_until_async(lambda: any(named in reason for reason in _beats(commands)["w1"].reasons))
