"""Retraining on command: one at a time, beside other commands, and judged by the gate."""

from __future__ import annotations

import time

import pytest

from registry.store import Registry
from schemas.commands import Reload, ReloadData, Retrain, RetrainData
from schemas.settings import Settings
from tests.models import OPEN_GATE
from tests.training.worker.desk import Desk, working
from tests.waiting import wait_until_async
from training import train

pytestmark = pytest.mark.long


async def test_retrain_becomes_champion_while_reloads_are_answered(
    desk: Desk, worker_settings: Settings, store: Registry
) -> None:
    async with working(worker_settings):
        await wait_until_async(desk.model, message="the champion is activated")
        retrain = Retrain(data=RetrainData(models=("linear",)))
        entry = desk.send(retrain)
        await wait_until_async(lambda: desk.events("training.started"), message="training has started")
        started = time.monotonic()
        reload = await desk.ask(Reload(data=ReloadData(version="2")))
        took_s = time.monotonic() - started
        busy = await desk.ask(Retrain())
        again = await desk.answer(desk.send(retrain))
        assert entry in desk.pending(), "the training goes on"
        answer = await desk.answer(retrain.id, timeout_s=90)
    assert reload.type == "model.activated"
    assert took_s < 5
    assert (busy.type, busy.data.reason) == ("command.rejected", "busy")
    assert (again.type, again.data.reason) == ("command.rejected", "repeated")
    told = [
        event.type for _, event in desk.events() if event.data.command_id == retrain.id and event.data.reason is None
    ]
    assert told == ["training.started", "training.finished", "model.activated"]
    ((_, finished),) = desk.events("training.finished")
    assert finished.data.version == answer.data.version == store.resolve().version == desk.model()["version"]
    assert finished.model_dump()["data"]["seconds"] > 0
    assert finished.model_dump()["data"]["metrics"]["test_rmse"] > 0
    assert not desk.client.exists(desk.streams.training)


async def test_training_that_fails_is_answered(desk: Desk, worker_settings: Settings) -> None:
    async with working(worker_settings):
        answer = await desk.ask(Retrain(data=RetrainData(models=("alchemy",))), timeout_s=60)
    assert (answer.type, answer.data.reason) == ("training.failed", "configuration")
    assert "alchemy" in (answer.data.message or "")


async def test_retrain_that_does_not_pass_is_registered_and_no_more(
    desk: Desk, worker_settings: Settings, store: Registry
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


async def test_retrain_on_unchanged_data_is_skipped_unless_forced(
    desk: Desk, worker_settings: Settings, store: Registry
) -> None:
    made = train(worker_settings, promote=True)
    async with working(worker_settings):
        skipped = await desk.ask(Retrain(), timeout_s=90)
        again = await desk.ask(Retrain(data=RetrainData(force=True)), timeout_s=90)
    assert (skipped.type, skipped.data.version, skipped.data.reason) == ("training.skipped", made.version, "unchanged")
    assert again.type == "model.activated"
    assert store.versions()[0].version == again.data.version == str(int(made.version) + 1)
