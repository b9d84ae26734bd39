"""Retraining on command: one at a time, beside other commands, and judged by the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.commands import ModelEvent, Reload, ReloadData, Retrain, RetrainData
from schemas.settings import Settings
from tests.conftest import own_prefix
from tests.models import OPEN_GATE
from tests.training.worker.command_client import CommandClient, settings_for, trainings_of, working
from tests.waiting import wait_until_async
from training import train
from training.result import TrainingResult
from transport.connection import connect

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Course:
    """What came of commands around one training, and the desk and the store as they are afterwards.

    The champion is `made`. A retrain is `skipped`; a forced one, `retrain`, is in `pending` while a reload is answered,
    another retrain is refused as `busy` and the same `again`; then it has its own `answer`.
    """

    desk: CommandClient
    store: Registry
    made: TrainingResult
    skipped: ModelEvent
    retrain: Retrain
    reload: ModelEvent
    busy: ModelEvent
    again: ModelEvent
    entry: str
    pending: dict[str, str]
    answer: ModelEvent


async def _run_course(desk: CommandClient, settings: Settings) -> Course:
    made = train(settings, promote=True)
    retrain = Retrain(data=RetrainData(models=("linear",), force=True))
    async with working(settings):
        await wait_until_async(desk.model, message="the champion is activated")
        skipped = await desk.ask(Retrain(), timeout_s=90)
        entry = desk.send(retrain)
        (training,) = await wait_until_async(lambda: trainings_of(psutil.Process()), message="training has started")
        # it stands still until the others have their answers: those do not wait for its end
        training.suspend()
        reload = await desk.ask(Reload(data=ReloadData(version="2")))
        busy = await desk.ask(Retrain())
        again = await desk.answer(desk.send(retrain))
        pending = desk.pending()
        training.resume()
        answer = await desk.answer(retrain.id, timeout_s=90)
    store = Registry(tracking_uri_of(settings), "housing")
    return Course(desk, store, made, skipped, retrain, reload, busy, again, entry, pending, answer)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, small_models: Path, redis_url: str) -> Iterator[Course]:
    with own_prefix(redis_url) as prefix, connect(redis_url) as client:
        settings = settings_for(tmp_path_factory.mktemp("course") / "home", small_models, redis_url, prefix)
        yield asyncio.run(_run_course(CommandClient(client, settings), settings))


def test_retrain_becomes_champion_while_reloads_are_answered(course: Course) -> None:
    desk, answer = course.desk, course.answer
    assert course.entry in course.pending, "the training went on"
    assert course.reload.type == "model.activated"
    assert (course.busy.type, course.busy.data.reason) == ("command.rejected", "busy")
    assert (course.again.type, course.again.data.reason) == ("command.rejected", "repeated")
    told = [
        event.type
        for _, event in desk.events()
        if event.data.command_id == course.retrain.id and event.data.reason is None
    ]
    assert told == ["training.started", "training.finished", "model.activated"]
    ((_, finished),) = desk.events("training.finished")
    assert finished.data.version == answer.data.version == course.store.resolve().version == desk.model()["version"]
    assert finished.model_dump()["data"]["seconds"] > 0
    assert finished.model_dump()["data"]["metrics"]["test_rmse"] > 0
    assert not desk.client.exists(desk.streams.training)


def test_retrain_on_unchanged_data_is_skipped_unless_forced(course: Course) -> None:
    skipped, made = course.skipped, course.made
    assert (skipped.type, skipped.data.version, skipped.data.reason) == ("training.skipped", made.version, "unchanged")
    assert course.answer.type == "model.activated"
    assert course.store.versions()[0].version == course.answer.data.version == str(int(made.version) + 1)


async def test_training_that_fails_is_answered(desk: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        answer = await desk.ask(Retrain(data=RetrainData(models=("alchemy",))), timeout_s=60)
    assert (answer.type, answer.data.reason) == ("training.failed", "configuration")
    assert "alchemy" in (answer.data.message or "")


@pytest.mark.usefixtures("in_this_process")
async def test_retrain_that_does_not_pass_is_registered_and_no_more(
    desk: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    closed = worker_settings.model_copy(update={"gate": OPEN_GATE.model_copy(update={"min_r2": 1.0})})
    async with working(closed):
        retrain = Retrain(data=RetrainData(models=("linear",)))
        answer = await desk.ask(retrain, timeout_s=90)
    assert desk.types(retrain.id) == ["training.started", "training.finished", "model.rejected"]
    assert (answer.data.reason, answer.data.version) == ("gate", "4")
    assert "r2: 0.7" in (answer.data.message or "")
    assert store.resolve().version == "1"
    assert store.resolve(version="4").status == "failed"
