"""A worker survives crashes, vanished consumer groups, and a Redis that goes away."""

from __future__ import annotations

import asyncio
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
from tests.conftest import StartRedis
from tests.monitoring.monitor.watched import wait_for_answer
from tests.training.worker.command_client import CommandClient, WorkerProcess, settings_for, training_processes, working
from tests.waiting import wait_until, wait_until_async
from training import Trigger, train
from training.worker.changes import change_by
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.metrics import JobMetrics
from training.worker.replies import Activated, Replies
from transport.connection import connect, connect_async
from transport.tasks import end_tasks

pytestmark = pytest.mark.long


@pytest.mark.usefixtures("in_this_process")
async def test_killed_worker_loses_no_training(
    commands: CommandClient, worker_settings: Settings, store: Registry, tmp_path: Path
) -> None:
    retrain = Retrain(data=RetrainData(models=("linear",)))
    entry = commands.send(retrain)
    # with so many repetitions the training does not end before the kill
    first = WorkerProcess(worker_settings, "w1", tmp_path / "w1.log", TASADOR_TRAINING__REPEATS="100000")
    try:
        commands.wait_for_event("training.started")
        (training,) = wait_until(lambda: training_processes(psutil.Process(first.pid)))
        assert commands.pending() == {entry: "w1"}
    finally:
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert commands.pending() == {entry: "w1"}, "the command was pending when the worker died"
    wait_until(lambda: not training.is_running(), message="the training process ends with its worker")
    async with working(worker_settings, "w2"):
        reply = await commands.wait_for_reply(retrain.id, timeout_s=90)
    assert reply.type == "model.activated"
    assert [one.command_id for one in store.versions()].count(retrain.id) == 1
    types = ["training.started", "training.started", "training.finished", "model.activated"]
    assert commands.types(retrain.id) == types
    assert not commands.pending()


async def test_killed_training_process_is_reported(commands: CommandClient, worker_settings: Settings) -> None:
    retrain = Retrain()
    async with working(worker_settings):
        commands.send(retrain)
        await wait_until_async(lambda: commands.events("training.started"), message="training has started")
        (training,) = await wait_until_async(lambda: training_processes(psutil.Process()))
        training.kill()
        reply = await commands.wait_for_reply(retrain.id)
    assert (reply.type, reply.data.reason) == ("training.failed", "crashed")
    assert "SIGKILL" in (reply.data.message or "")


async def test_training_that_was_registered_is_not_repeated(commands: CommandClient, worker_settings: Settings) -> None:
    retrain = Retrain(id="c-1")
    commands.send(retrain)
    commands.deliver_to_dead_worker()
    trained = train(worker_settings, promote=False, trigger=Trigger("command", "c-1"))
    async with working(worker_settings):
        reply = await commands.wait_for_reply("c-1")
    assert commands.types("c-1") == ["training.finished", "model.activated"]
    assert reply.data.version == trained.version


async def test_worker_claims_its_own_pending_entries_at_start(
    commands: CommandClient, worker_settings: Settings
) -> None:
    slow = worker_settings.model_copy(update={"claim_idle_ms": 3_600_000})
    commands.send(Reload(id="c-1"))
    commands.deliver_to_dead_worker("w1")
    async with working(slow, "w1"):
        assert (await commands.wait_for_reply("c-1")).type == "model.activated"


async def test_stopping_worker_releases_its_commands(commands: CommandClient, worker_settings: Settings) -> None:
    slow = worker_settings.model_copy(update={"claim_idle_ms": 3_600_000})
    entry = commands.send(Retrain(data=RetrainData(models=("linear",))))
    async with working(slow, "w1"):
        await wait_until_async(lambda: commands.events("training.started"), message="training has started")
    assert commands.pending() == {entry: "w1"}
    (left,) = commands.redis.xpending_range(commands.streams.commands, TRAINERS, "-", "+", 10)
    assert left["times_delivered"] == 0, "a stop does not count as an attempt"
    assert left["time_since_delivered"] >= slow.claim_idle_ms, "others claim it at once"


async def test_command_that_killed_its_workers_is_given_up(commands: CommandClient, worker_settings: Settings) -> None:
    commands.send(Reload(id="c-1"))
    commands.deliver_to_dead_worker(deliveries=worker_settings.max_deliveries)
    async with working(worker_settings):
        reply = await commands.wait_for_reply("c-1")
    assert (reply.type, reply.data.reason) == ("command.rejected", "poison")
    assert not commands.pending()


async def test_command_with_a_deleted_payload_gets_a_reply(commands: CommandClient, worker_settings: Settings) -> None:
    entry = commands.send(Reload(id="c-1"))
    commands.deliver_to_dead_worker()
    commands.redis.xdel(commands.streams.commands, entry)
    assert entry in commands.pending()
    async with working(worker_settings):
        reply = await commands.wait_for_reply(entry)
    assert (reply.type, reply.data.reason) == ("command.rejected", "payload_gone")
    assert not commands.pending()


@pytest.mark.parametrize("vanishing", ["group", "stream"])
async def test_vanished_group_is_created_again_and_nothing_is_repeated(
    commands: CommandClient, worker_settings: Settings, vanishing: str
) -> None:
    async with working(worker_settings) as app:
        await commands.execute(Reload(id="c-1", data=ReloadData(version="2")))
        if vanishing == "group":
            assert commands.redis.xgroup_destroy(commands.streams.commands, TRAINERS)
        else:
            assert commands.redis.delete(commands.streams.commands)
        reply = await commands.execute(Reload(id="c-2", data=ReloadData(version="3")))
        await commands.wait_until_none_pending()
        assert app.failure is None
    assert reply.type == "model.activated"
    assert commands.types("c-1") == ["model.activated"]
    assert commands.model()["version"] == "3"


async def test_subscriber_whose_task_died_is_reported_and_started_again(
    commands: CommandClient, worker_settings: Settings
) -> None:
    async with working(worker_settings) as app:
        await commands.execute(Reload(id="c-1", data=ReloadData(version="2")))
        (subscriber,) = app.brokers[0].subscribers
        assert isinstance(subscriber, LogicSubscriber)
        (task,) = subscriber.tasks
        await end_tasks([task])
        assert subscriber.running, "FastStream still counts it as running"
        await wait_for_answer(app, "/readyz", "commands: the subscriber had ended and was started again")
        assert (await commands.execute(Reload(id="c-2", data=ReloadData(version="3")))).type == "model.activated"


async def test_redis_away_and_back(tmp_path: Path, small_models: Path, private_redis: StartRedis) -> None:
    server = private_redis("--appendonly", "yes", "--appendfsync", "always")
    settings = settings_for(tmp_path / "home", small_models, server.url, "away")
    with connect(server.url) as client:
        commands = CommandClient(client, settings)
        async with working(settings):
            await commands.execute(Reload(id="c-1", data=ReloadData(version="2")))
            server.stop()
            with pytest.raises(redis.exceptions.ConnectionError):
                client.ping()
            server.start()
            reply = await commands.execute(Reload(id="c-2", data=ReloadData(version="3")))
    assert reply.type == "model.activated"


async def test_worker_does_not_spin_on_a_read_only_redis(
    tmp_path: Path, small_models: Path, private_redis: StartRedis, caplog: pytest.LogCaptureFixture
) -> None:
    server = private_redis()
    settings = settings_for(tmp_path / "home", small_models, server.url, "read-only")
    with connect(server.url) as client:
        commands = CommandClient(client, settings)
        async with working(settings):
            await commands.execute(Reload(id="c-1", data=ReloadData(version="2")))
            client.replicaof("127.0.0.1", "1")
            await wait_until_async(lambda: any("read only" in str(vars(one).get("cause")) for one in caplog.records))
            since, before = client.info("server")["uptime_in_seconds"], client.info("stats")["total_commands_processed"]
            await wait_until_async(lambda: client.info("server")["uptime_in_seconds"] >= since + 2)
            client.replicaof("NO", "ONE")
            spent = client.info("stats")["total_commands_processed"] - before
            reply = await commands.execute(Reload(id="c-2", data=ReloadData(version="3")))
    assert reply.type == "model.activated"
    assert spent < 1_000, "FastStream alone sends 2,400 commands a second"


async def test_full_memory_does_not_cost_a_worker_its_training(
    tmp_path: Path, small_models: Path, private_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("training.worker.training_runner.run_job", run)
    server = private_redis()
    settings = settings_for(tmp_path / "home", small_models, server.url, "full", claim_idle_ms=10_000)
    with connect(server.url) as client:
        commands = CommandClient(client, settings)

        def idle_ms() -> int:
            (entry,) = client.xpending_range(commands.streams.commands, TRAINERS, "-", "+", 1)
            return int(entry["time_since_delivered"])

        async with working(settings) as app:
            commands.send(Retrain())
            await wait_until_async(lambda: commands.events("training.started"))
            client.config_set("maxmemory", "1")
            await wait_for_answer(app, "/readyz", "maxmemory")
            await wait_until_async(lambda: idle_ms() > 200)
            await wait_until_async(lambda: idle_ms() < 200, timeout_s=5, message="the entry is renewed")
            client.config_set("maxmemory", "0")


@pytest.fixture
async def replies(redis_url: str, streams: Streams) -> Any:
    client = connect_async(redis_url)
    yield Replies(client, streams, "w1", JobMetrics(lambda: False, build_registry()))
    await client.aclose()


async def test_second_reply_writes_nothing(commands: CommandClient, replies: Replies) -> None:
    entry = CommandEntry(commands.send(Reload(id="c-1")), {})
    commands.deliver_to_dead_worker("w1")
    event = EventFactory("test").command_rejected("c-1", "invalid", "first")
    await replies.write(entry, "c-1", [event])
    before = (commands.events(), commands.redis.hgetall(commands.streams.command_replies))
    await replies.write(entry, "c-1", [event])
    assert (commands.events(), commands.redis.hgetall(commands.streams.command_replies)) == before
    assert len(before[0]) == 1


@pytest.mark.parametrize(
    "wrong_type", ["model", "model_events", "command_replies", "worker_state", "training_lock", "history", "loop"]
)
async def test_reply_writes_all_or_nothing(
    commands: CommandClient, replies: Replies, store: Registry, wrong_type: str
) -> None:
    entry = CommandEntry(commands.send(Reload(id="c-1")), {})
    commands.deliver_to_dead_worker("w1")
    commands.redis.sadd(getattr(commands.streams, wrong_type), "a set")
    activated = Activated(store.resolve(), "1")
    event = EventFactory("test").activated(activated, None, "c-1")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        await replies.write(entry, "c-1", [event], change=change_by(Reload(id="c-1"), event), activated=activated)
    assert commands.pending() == {entry.id: "w1"}
    keys = {key.decode() for key in commands.redis.keys(f"{commands.streams.prefix}:*")}
    assert keys == {commands.streams.commands, getattr(commands.streams, wrong_type)}


@pytest.mark.parametrize("forbidden", ["xadd", "hset"])
async def test_forbidden_write_leaves_the_command_pending(
    commands: CommandClient, redis_url: str, store: Registry, forbidden: str
) -> None:
    entry = CommandEntry(commands.send(Reload(id="c-1")), {})
    commands.deliver_to_dead_worker("w1")
    user = commands.streams.prefix
    commands.redis.execute_command("ACL", "SETUSER", user, "on", ">secret", "~*", "+@all", f"-{forbidden}")
    client = connect_async(redis_url.replace("redis://", f"redis://{user}:secret@"))
    model = Activated(store.resolve(), "1")
    replies = Replies(client, commands.streams, "w1", JobMetrics(lambda: False, build_registry()))
    event = EventFactory("test").activated(model, None, "c-1")
    try:
        with pytest.raises(redis.exceptions.RedisError, match=r"permission|can't run"):
            await replies.write(entry, "c-1", [event], change=change_by(Reload(id="c-1"), event), activated=model)
    finally:
        await client.aclose()
        commands.redis.execute_command("ACL", "DELUSER", user)
    assert commands.pending() == {entry.id: "w1"}
    assert not commands.events()
    assert not commands.model()
    assert not commands.redis.xlen(commands.streams.history)


def test_worker_without_redis_exits_with_one_line(worker_settings: Settings, tmp_path: Path) -> None:
    away = worker_settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    log = tmp_path / "log"
    worker = WorkerProcess(away, "w1", log)
    try:
        wait_until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE, message="the worker ends")
    finally:
        assert worker.end(signal.SIGTERM) == 1
    assert "RedisUnavailableError: Redis at redis://127.0.0.1:1/0 does not answer" in log.read_text()
