"""Retraining on command: one training at a time, next to other commands, judged by the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.commands import COMMANDS, ModelEvent, Reload, ReloadData, Retrain, RetrainData, StartRollout
from schemas.settings import Settings
from tests.conftest import own_prefix
from tests.models import OPEN_GATE
from tests.training.worker.command_client import CommandClient, settings_for, training_processes, working
from tests.waiting import wait_until_async
from training import train
from training.result import TrainingResult
from transport.connection import connect

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class RetrainScenario:
    """The replies to commands around one training, and the store afterwards.

    The champion is `trained`. The first retrain is `skipped`. The second, `retrain`, is forced: while it is `pending`,
    the worker replies to a reload, to another retrain (`busy`) and to a repeat (`repeated`), and then to it (`reply`).
    """

    commands: CommandClient
    store: Registry
    trained: TrainingResult
    skipped: ModelEvent
    retrain: Retrain
    reload: ModelEvent
    busy: ModelEvent
    repeated: ModelEvent
    entry: str
    pending: dict[str, str]
    reply: ModelEvent


async def _run_scenario(commands: CommandClient, settings: Settings) -> RetrainScenario:
    trained = train(settings, promote=True)
    retrain = Retrain(data=RetrainData(models=("linear",), force=True))
    async with working(settings):
        await wait_until_async(commands.model, message="the champion is activated")
        skipped = await commands.execute(Retrain(), timeout_s=90)
        entry = commands.send(retrain)
        (training,) = await wait_until_async(lambda: training_processes(psutil.Process()), message="it has started")
        # suspended until the other commands have their replies, which therefore do not wait for its end
        training.suspend()
        reload = await commands.execute(Reload(data=ReloadData(version="2")))
        busy = await commands.execute(Retrain())
        repeated = await commands.wait_for_reply(commands.send(retrain))
        pending = commands.pending()
        training.resume()
        reply = await commands.wait_for_reply(retrain.id, timeout_s=90)
    store = Registry(tracking_uri_of(settings), "housing")
    return RetrainScenario(commands, store, trained, skipped, retrain, reload, busy, repeated, entry, pending, reply)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory, small_models: Path, redis_url: str) -> Iterator[RetrainScenario]:
    with own_prefix(redis_url) as prefix, connect(redis_url) as client:
        settings = settings_for(tmp_path_factory.mktemp("scenario") / "home", small_models, redis_url, prefix)
        yield asyncio.run(_run_scenario(CommandClient(client, settings), settings))


def test_retrain_becomes_champion_while_other_commands_get_replies(scenario: RetrainScenario) -> None:
    commands, reply = scenario.commands, scenario.reply
    assert scenario.entry in scenario.pending, "the training was still running"
    assert scenario.reload.type == "model.activated"
    assert (scenario.busy.type, scenario.busy.data.reason) == ("command.rejected", "busy")
    assert (scenario.repeated.type, scenario.repeated.data.reason) == ("command.rejected", "repeated")
    types = [
        event.type
        for _, event in commands.events()
        if event.data.command_id == scenario.retrain.id and event.data.reason is None
    ]
    assert types == ["training.started", "training.finished", "model.activated"]
    ((_, finished),) = commands.events("training.finished")
    champion = scenario.store.resolve().version
    assert finished.data.version == reply.data.version == champion == commands.model()["version"]
    assert finished.model_dump()["data"]["seconds"] > 0
    assert finished.model_dump()["data"]["metrics"]["test_rmse"] > 0
    assert not commands.redis.exists(commands.streams.training_lock)


def test_retrain_on_unchanged_data_is_skipped_unless_forced(scenario: RetrainScenario) -> None:
    skipped, version = scenario.skipped, scenario.trained.version
    assert (skipped.type, skipped.data.version, skipped.data.reason) == ("training.skipped", version, "unchanged")
    assert scenario.reply.type == "model.activated"
    assert scenario.store.versions()[0].version == scenario.reply.data.version == str(int(version) + 1)


async def test_training_that_fails_gets_a_reply(commands: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        reply = await commands.execute(Retrain(data=RetrainData(models=("alchemy",))), timeout_s=60)
    assert (reply.type, reply.data.reason) == ("training.failed", "configuration")
    assert "alchemy" in (reply.data.message or "")


@pytest.mark.usefixtures("in_this_process")
async def test_retrain_that_does_not_pass_the_gate_is_only_registered(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    closed = worker_settings.model_copy(update={"gate": OPEN_GATE.model_copy(update={"min_skill": 1.0})})
    async with working(closed):
        retrain = Retrain(data=RetrainData(models=("linear",)))
        reply = await commands.execute(retrain, timeout_s=90)
    assert commands.types(retrain.id) == ["training.started", "training.finished", "model.rejected"]
    assert (reply.data.reason, reply.data.version) == ("gate", "4")
    assert "% better than the naive answer" in (reply.data.message or "")
    assert store.resolve().version == "1"
    assert store.resolve(version="4").status == "failed"


@pytest.mark.usefixtures("in_this_process")
async def test_retraining_of_the_loop_ends_in_a_rollout_where_that_promotes(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    settings = worker_settings.model_copy(
        update={"loop": worker_settings.loop.model_copy(update={"promote_by": "rollout"})}
    )
    data = RetrainData(models=("linear",), cause="drift", reason="3 consecutive reports of drift")
    retrain = Retrain(id="loop-drift", actor="monitor", data=data)
    async with working(settings):
        await wait_until_async(commands.model, message="the champion is activated")
        reply = await commands.execute(retrain, timeout_s=90)
        started = await commands.wait_for_reply("rollout-of-loop-drift")
    assert (reply.type, reply.data.version) == ("command.done", "4")
    assert (started.type, started.data.version, started.data.follows_steps) == ("rollout.started", "4", True)
    assert store.resolve().version == "1", "the rollout decides"
    sent = [COMMANDS.validate_json(fields[b"data"]) for _, fields in commands.redis.xrange(commands.streams.commands)]
    (start,) = [command for command in sent if isinstance(command, StartRollout)]
    assert (start.actor, start.data.reason) == ("monitor", "3 consecutive reports of drift")
