"""What survives: crashes of the worker, vanished groups, a Redis that goes away."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis.exceptions
from faststream.redis.subscriber.usecases.basic import LogicSubscriber
from pydantic import SecretStr

from registry.store import Registry
from schemas.commands import Reload, ReloadData, Retrain, RetrainData
from schemas.settings import Settings
from schemas.streams import TRAINERS, Streams
from service.metrics import build_registry
from tests.conftest import PrivateRedis
from tests.monitoring.monitor.watched import wait_for_answer
from tests.training.worker.command_client import CommandClient, WorkerProcess, settings_for, trainings_of, working
from tests.waiting import wait_until, wait_until_async
from training import Trigger, train
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.replies import Replies
from transport.connection import connect, connect_async

pytestmark = pytest.mark.long


@pytest.mark.usefixtures("in_this_process")
async def test_killed_worker_loses_no_training(
    desk: CommandClient, worker_settings: Settings, store: Registry, tmp_path: Path
) -> None:
    retrain = Retrain(data=RetrainData(models=("linear",)))
    entry = desk.send(retrain)
    # so many repetitions do not end while the test runs
    first = WorkerProcess(worker_settings, "w1", tmp_path / "w1.log", TASADOR_TRAINING__REPEATS="100000")
    try:
        desk.wait_for("training.started")
        (training,) = wait_until(lambda: trainings_of(psutil.Process(first.pid)))
        assert desk.pending() == {entry: "w1"}
    finally:
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert desk.pending() == {entry: "w1"}, "the command was pending when the worker died"
    wait_until(lambda: not training.is_running(), message="the training dies with its worker")
    async with working(worker_settings, "w2"):
        answer = await desk.answer(retrain.id, timeout_s=90)
    assert answer.type == "model.activated"
    assert [one.command_id for one in store.versions()].count(retrain.id) == 1
    assert desk.types(retrain.id) == ["training.started", "training.started", "training.finished", "model.activated"]
    assert not desk.pending()


async def test_training_process_that_is_killed_is_told(desk: CommandClient, worker_settings: Settings) -> None:
    retrain = Retrain()
    async with working(worker_settings):
        desk.send(retrain)
        await wait_until_async(lambda: desk.events("training.started"), message="training has started")
        (training,) = await wait_until_async(lambda: trainings_of(psutil.Process()))
        training.kill()
        answer = await desk.answer(retrain.id)
    assert (answer.type, answer.data.reason) == ("training.failed", "crashed")
    assert "SIGKILL" in (answer.data.message or "")


async def test_training_that_was_registered_is_not_repeated(desk: CommandClient, worker_settings: Settings) -> None:
    retrain = Retrain(id="c-1")
    desk.send(retrain)
    desk.leave_to_dead_worker()
    trained = train(worker_settings, promote=False, occasion=Trigger("command", "c-1"))
    async with working(worker_settings):
        answer = await desk.answer("c-1")
    assert desk.types("c-1") == ["training.finished", "model.activated"]
    assert answer.data.version == trained.version


async def test_own_left_overs_are_taken_at_start(desk: CommandClient, worker_settings: Settings) -> None:
    patient = worker_settings.model_copy(update={"claim_idle_ms": 3_600_000})
    desk.send(Reload(id="c-1"))
    desk.leave_to_dead_worker("w1")
    async with working(patient, "w1"):
        assert (await desk.answer("c-1")).type == "model.activated"


async def test_worker_that_stops_gives_back_at_once(desk: CommandClient, worker_settings: Settings) -> None:
    patient = worker_settings.model_copy(update={"claim_idle_ms": 3_600_000})
    entry = desk.send(Retrain(data=RetrainData(models=("linear",))))
    async with working(patient, "w1"):
        await wait_until_async(lambda: desk.events("training.started"), message="training has started")
    assert desk.pending() == {entry: "w1"}
    (left,) = desk.client.xpending_range(desk.streams.commands, TRAINERS, "-", "+", 10)
    assert left["times_delivered"] == 0, "a stop does not count as an attempt"
    assert left["time_since_delivered"] >= patient.claim_idle_ms, "others claim it at once"


async def test_command_that_killed_its_workers_is_given_up(desk: CommandClient, worker_settings: Settings) -> None:
    desk.send(Reload(id="c-1"))
    desk.leave_to_dead_worker(deliveries=worker_settings.max_deliveries)
    async with working(worker_settings):
        answer = await desk.answer("c-1")
    assert (answer.type, answer.data.reason) == ("command.rejected", "poison")
    assert not desk.pending()


async def test_deleted_payload_is_answered(desk: CommandClient, worker_settings: Settings) -> None:
    entry = desk.send(Reload(id="c-1"))
    desk.leave_to_dead_worker()
    desk.client.xdel(desk.streams.commands, entry)
    assert entry in desk.pending()
    async with working(worker_settings):
        answer = await desk.answer(entry)
    assert (answer.type, answer.data.reason) == ("command.rejected", "payload_gone")
    assert not desk.pending()


@pytest.mark.parametrize("vanishing", ["group", "stream"])
async def test_vanished_group_is_created_again_and_nothing_is_repeated(
    desk: CommandClient, worker_settings: Settings, vanishing: str
) -> None:
    async with working(worker_settings) as app:
        await desk.ask(Reload(id="c-1", data=ReloadData(version="2")))
        if vanishing == "group":
            assert desk.client.xgroup_destroy(desk.streams.commands, TRAINERS)
        else:
            assert desk.client.delete(desk.streams.commands)
        answer = await desk.ask(Reload(id="c-2", data=ReloadData(version="3")))
        await desk.nothing_pending()
        assert app.failure is None
    assert answer.type == "model.activated"
    assert desk.types("c-1") == ["model.activated"]
    assert desk.model()["version"] == "3"


async def test_a_subscriber_whose_task_died_is_told_and_started_again(
    desk: CommandClient, worker_settings: Settings
) -> None:
    async with working(worker_settings) as app:
        await desk.ask(Reload(id="c-1", data=ReloadData(version="2")))
        (subscriber,) = app.brokers[0].subscribers
        assert isinstance(subscriber, LogicSubscriber)
        (task,) = subscriber.tasks
        task.cancel()
        await wait_until_async(task.done, message="its task has ended")
        assert subscriber.running, "FastStream takes it for running"
        await wait_for_answer(app, "/readyz", "commands: the subscriber had ended and was started again")
        assert (await desk.ask(Reload(id="c-2", data=ReloadData(version="3")))).type == "model.activated"


async def test_redis_away_and_back(tmp_path: Path, small_models: Path, private_redis: PrivateRedis) -> None:
    server = private_redis("--appendonly", "yes", "--appendfsync", "always")
    settings = settings_for(tmp_path / "home", small_models, server.url, "away")
    with connect(server.url) as client:
        desk = CommandClient(client, settings)
        async with working(settings):
            await desk.ask(Reload(id="c-1", data=ReloadData(version="2")))
            server.stop()
            with pytest.raises(redis.exceptions.ConnectionError):
                client.ping()
            server.start()
            answer = await desk.ask(Reload(id="c-2", data=ReloadData(version="3")))
    assert answer.type == "model.activated"


async def test_read_only_redis_is_not_spun_on(
    tmp_path: Path, small_models: Path, private_redis: PrivateRedis, caplog: pytest.LogCaptureFixture
) -> None:
    server = private_redis()
    settings = settings_for(tmp_path / "home", small_models, server.url, "read-only")
    with connect(server.url) as client:
        desk = CommandClient(client, settings)
        async with working(settings):
            await desk.ask(Reload(id="c-1", data=ReloadData(version="2")))
            client.replicaof("127.0.0.1", "1")
            await wait_until_async(lambda: any("read only" in str(vars(one).get("cause")) for one in caplog.records))
            since, before = client.info("server")["uptime_in_seconds"], client.info("stats")["total_commands_processed"]
            await wait_until_async(lambda: client.info("server")["uptime_in_seconds"] >= since + 2)
            client.replicaof("NO", "ONE")
            spent = client.info("stats")["total_commands_processed"] - before
            answer = await desk.ask(Reload(id="c-2", data=ReloadData(version="3")))
    assert answer.type == "model.activated"
    assert spent < 1_000, "FastStream alone asks 2,400 times a second"


@pytest.fixture
async def answers(redis_url: str, streams: Streams) -> Any:
    client = connect_async(redis_url)
    yield Replies(client, streams, "w1", JobMetrics(lambda: False, build_registry()))
    await client.aclose()


async def test_second_answer_writes_nothing(desk: CommandClient, answers: Replies) -> None:
    entry = CommandEntry(desk.send(Reload(id="c-1")), {})
    desk.leave_to_dead_worker("w1")
    event = EventFactory("test").rejected("c-1", "invalid", "first")
    await answers.write(entry, "c-1", [event])
    before = (desk.events(), desk.client.hgetall(desk.streams.command_answers))
    await answers.write(entry, "c-1", [event])
    assert (desk.events(), desk.client.hgetall(desk.streams.command_answers)) == before
    assert len(before[0]) == 1


@pytest.mark.parametrize("spoilt", ["model", "model_events", "command_answers", "worker_notes", "training"])
async def test_answer_writes_all_or_nothing(
    desk: CommandClient, answers: Replies, store: Registry, spoilt: str
) -> None:
    entry = CommandEntry(desk.send(Reload(id="c-1")), {})
    desk.leave_to_dead_worker("w1")
    desk.client.sadd(getattr(desk.streams, spoilt), "not what belongs here")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        await answers.write(
            entry, "c-1", [EventFactory("test").activated(store.resolve(), "c-1")], store.resolve(), "1"
        )
    assert desk.pending() == {entry.id: "w1"}
    keys = {key.decode() for key in desk.client.keys(f"{desk.streams.prefix}:*")}
    assert keys == {desk.streams.commands, getattr(desk.streams, spoilt)}


@pytest.mark.parametrize("forbidden", ["xadd", "hset"])
async def test_forbidden_write_leaves_the_command_pending(
    desk: CommandClient, redis_url: str, store: Registry, forbidden: str
) -> None:
    entry = CommandEntry(desk.send(Reload(id="c-1")), {})
    desk.leave_to_dead_worker("w1")
    user = desk.streams.prefix
    desk.client.execute_command("ACL", "SETUSER", user, "on", ">secret", "~*", "+@all", f"-{forbidden}")
    client = connect_async(redis_url.replace("redis://", f"redis://{user}:secret@"))
    info, answers = store.resolve(), Replies(client, desk.streams, "w1", JobMetrics(lambda: False, build_registry()))
    try:
        with pytest.raises(redis.exceptions.RedisError, match=r"permission|can't run"):
            await answers.write(entry, "c-1", [EventFactory("test").activated(info, "c-1")], info)
    finally:
        await client.aclose()
        desk.client.execute_command("ACL", "DELUSER", user)
    assert desk.pending() == {entry.id: "w1"}
    assert not desk.events()
    assert not desk.model()


def test_worker_ends_with_one_line_without_redis(worker_settings: Settings, tmp_path: Path) -> None:
    away = worker_settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    log = tmp_path / "log"
    worker = WorkerProcess(away, "w1", log)
    try:
        wait_until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE, message="the worker ends")
    finally:
        assert worker.end(signal.SIGTERM) == 1
    assert "RedisUnavailableError: Redis at redis://127.0.0.1:1/0 does not answer" in log.read_text()
