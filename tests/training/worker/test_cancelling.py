"""A training that is cancelled is stopped, answered, and leaves nothing behind."""

from __future__ import annotations

import json

import psutil
import pytest

from registry.store import Registry
from schemas.commands import CancelTraining, ReasonData, Retrain, RetrainData
from schemas.history import Change
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from tests.training.worker.command_client import CommandClient, training_processes, working
from tests.waiting import wait_until_async
from training.worker.replies import CancelRequest

pytestmark = pytest.mark.long

RETRAIN = Retrain(id="c-1", data=RetrainData(models=("linear",), force=True))
CANCEL = CancelTraining(id="c-2", actor="ada", data=ReasonData(reason="wrong data"))


@pytest.fixture
def endless(worker_settings: Settings) -> Settings:
    """Settings with which a training does not end by itself."""
    training = worker_settings.training.model_copy(update={"repeats": 100_000})
    return worker_settings.model_copy(update={"training": training})


def _run_statuses(store: Registry) -> list[str]:
    experiment = store.client.get_experiment_by_name("housing")
    assert experiment is not None
    return [run.info.status for run in store.client.search_runs([experiment.experiment_id])]


async def test_cancelled_training_is_stopped_and_both_commands_get_replies(
    commands: CommandClient, endless: Settings, store: Registry
) -> None:
    before = [info.version for info in store.versions()]
    async with working(endless):
        commands.send(RETRAIN)
        await wait_until_async(lambda: "RUNNING" in _run_statuses(store), 60, "the training is under way")
        (training,) = training_processes(psutil.Process())
        done = await commands.execute(CANCEL)
        assert not training.is_running()
        cancelled = await commands.wait_for_reply("c-1")
        assert not commands.pending()
        assert (await commands.execute(CancelTraining())).data.reason == "no_training"
    assert (done.type, "training of command c-1 was stopped" in (done.data.message or "")) == ("command.done", True)
    assert (cancelled.type, cancelled.data.message) == ("training.cancelled", "stopped by ada: wrong data")
    assert cancelled.model_dump()["data"]["cancelled_by"] == "c-2"
    assert [info.version for info in store.versions()] == before
    assert _run_statuses(store).count("KILLED") == 1
    assert not commands.redis.exists(commands.streams.training_lock)
    assert commands.redis.hkeys(commands.streams.worker_state) == [b"champion"]
    entries = commands.redis.xrange(commands.streams.history)
    changes = [Change.model_validate_json(fields[DATA_FIELD]) for _, fields in entries]
    shown = [(change.deed, change.result, change.actor) for change in changes if change.command_id in {"c-1", "c-2"}]
    assert shown == [("cancel", "command.done", "ada"), ("retrain", "training.cancelled", "unknown")]


async def test_a_worker_stops_its_training_when_another_worker_read_the_cancellation(
    commands: CommandClient, endless: Settings
) -> None:
    async with working(endless):
        entry = commands.send(RETRAIN)
        await wait_until_async(lambda: training_processes(psutil.Process()), message="it trains")
        request = CancelRequest(entry="1-1", command=CANCEL)
        commands.redis.hset(commands.streams.worker_state, f"cancel:{entry}", request.model_dump_json())
        assert (await commands.wait_for_reply("c-1")).type == "training.cancelled"


async def test_a_cancelled_training_is_not_started_again_after_a_crash_and_its_version_is_deleted(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    entry = commands.send(RETRAIN)
    commands.deliver_to_dead_worker()
    store.set_tags("3", {"command_id": "c-1"})
    request = CancelRequest(entry="1-1", command=CANCEL)
    commands.redis.hset(commands.streams.worker_state, f"cancel:{entry}", request.model_dump_json())
    async with working(worker_settings):
        assert (await commands.wait_for_reply("c-1")).type == "training.cancelled"
    assert commands.types("c-1") == ["training.cancelled"]
    assert [info.version for info in store.versions()] == ["2", "1"]
    assert json.loads(commands.redis.hget(commands.streams.command_replies, "c-1"))["entry"] == entry
