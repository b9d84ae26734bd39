"""Commands from the operator's side: the worker answers, and every living consumer confirms or is named."""

from __future__ import annotations

import json
import time
from threading import Thread, Timer
from typing import Any

import pytest
import redis
import typer
from typer.testing import CliRunner

from operations.command_sender import CommandSender, current_actor
from schemas.commands import ModelEvent, ModelEventType, Reload, Rollback
from schemas.errors import ModelNotFoundError, ModelRejectedError, NotConfirmedError, RegistryUnavailableError
from schemas.states import Activity, TrainerHeartbeat
from schemas.streams import DATA_FIELD, Streams
from tasador.cli.commands.reload import reload
from tasador.cli.commands.rollback import rollback
from tests.operations.answers import beat, beat_as
from tests.waiting import wait_until
from transport.connection import connect


class FakeProcesses:
    """Writes to Redis what a worker and consumers would write."""

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self.client: Any = client
        self.streams = streams

    def publish_event(self, kind: ModelEventType, **data: Any) -> str:
        event = ModelEvent.of("test", kind, **data).model_dump_json()
        return str(self.client.xadd(self.streams.model_events, {DATA_FIELD: event}).decode())

    def answer(self, command_id: str, kind: ModelEventType, **data: Any) -> str:
        entry = self.publish_event(kind, command_id=command_id, **data)
        answer = json.dumps({"entry": "1-0", "event": entry})
        self.client.hset(self.streams.command_replies, command_id, answer)
        return entry

    def beat(self, name: str, activation: str | None = None, silent_s: int = 0, **fields: Any) -> None:
        beat(self.client, self.streams, name, silent_s, **{"activation": activation, "version": "6"} | fields)


@pytest.fixture
def processes(redis_client: redis.Redis, streams: Streams) -> FakeProcesses:
    return FakeProcesses(redis_client, streams)


@pytest.fixture
def sender(redis_client: redis.Redis, streams: Streams) -> CommandSender:
    return CommandSender(redis_client, streams, "housing")


def test_every_living_consumer_confirms(processes: FakeProcesses, sender: CommandSender) -> None:
    entry = processes.answer("c-1", "model.activated", version="7")
    processes.beat("swapped", activation=entry)
    processes.publish_event("model.swapped", activation=entry, consumer="swapped", load_ms=41)
    processes.beat("later", activation=f"{int(entry.partition('-')[0]) + 1}-0")
    processes.beat("dead", silent_s=16)
    activation = sender.activate(Reload(id="c-1"), 5, wait=True)
    assert (activation.version, activation.entry) == ("7", entry)
    assert activation.confirmed == {"swapped": 41, "later": None}


def test_consumer_that_does_not_confirm_is_named(processes: FakeProcesses, sender: CommandSender) -> None:
    entry = processes.answer("c-1", "model.activated", version="7")
    processes.beat("fast", activation=entry)
    processes.beat("slow", activation="1-0")
    processes.beat("new", version=None, state="waiting", reasons=("model: loading version 7",))
    named = r"^not confirmed by new \(model: loading version 7; heartbeat \d s ago\), slow \(runs version 6; heartbeat"
    with pytest.raises(NotConfirmedError, match=named):
        sender.activate(Reload(id="c-1"), 0.2, wait=True)


def test_a_consumer_whose_heartbeat_lags_behind_its_swap_does_not_confirm(
    processes: FakeProcesses, sender: CommandSender
) -> None:
    entry = processes.answer("c-1", "model.activated", version="7")
    processes.beat("a1", activation="1-0")
    processes.publish_event("model.swapped", activation=entry, consumer="a1", load_ms=41)
    with pytest.raises(NotConfirmedError, match=r"^not confirmed by a1 \(runs version 6"):
        sender.activate(Reload(id="c-1"), 0.2, wait=True)
    beating = Timer(0.2, lambda: processes.beat("a1", activation=entry))
    beating.start()
    assert sender.wait_for_consumers(entry, time.monotonic() + 10) == {"a1": 41}
    beating.join()


def test_consumer_that_rejects_is_named_without_waiting(processes: FakeProcesses, sender: CommandSender) -> None:
    entry = processes.answer("c-1", "model.activated", version="7")
    processes.beat("a1", activation="1-0")
    processes.publish_event(
        "model.rejected", activation=entry, consumer="a1", reason="digest", message="it is something else"
    )
    with pytest.raises(NotConfirmedError, match=r"a1 \(rejected: it is something else\)"):
        sender.activate(Reload(id="c-1"), 3600, wait=True)


@pytest.mark.parametrize(
    ("kind", "reason", "raised"),
    [
        ("model.rejected", "not_found", ModelNotFoundError),
        ("model.rejected", "digest", ModelRejectedError),
        ("command.rejected", "registry_unavailable", RegistryUnavailableError),
        ("command.rejected", "poison", ModelRejectedError),
    ],
)
def test_refused_command_raises_the_matching_error(
    processes: FakeProcesses, sender: CommandSender, kind: ModelEventType, reason: str, raised: type[Exception]
) -> None:
    processes.answer("c-1", kind, reason=reason, message="the reason")
    with pytest.raises(raised, match="the reason"):
        sender.activate(Reload(id="c-1"), 5, wait=True)


def test_error_without_a_worker_says_that_the_command_stays(processes: FakeProcesses, sender: CommandSender) -> None:
    with pytest.raises(
        NotConfirmedError, match=f"no training worker runs: command c-1 stays in {processes.streams.commands}"
    ):
        sender.activate(Rollback(id="c-1"), 0.1, wait=False)
    assert processes.client.xlen(processes.streams.commands) == 1


def test_a_worker_is_named_with_what_it_is_doing(processes: FakeProcesses, sender: CommandSender) -> None:
    client, streams = processes.client, processes.streams
    beat_as(client, streams.trainers, TrainerHeartbeat, "train-h-1", is_worker=False)
    assert sender.living_workers() == {}, "a training of the command line carries out no commands"
    since_ms = int(client.time()[0] * 1000) - 41_000
    beat_as(client, streams.trainers, TrainerHeartbeat, "w1", activities=[Activity(what="training", since_ms=since_ms)])
    sender.send(Reload(id="c-1"))
    with pytest.raises(NotConfirmedError, match="no answer to command c-1 yet: w1 is training for 4"):
        sender.wait_for_answer("c-1", time.monotonic())


def test_actor_is_user_and_host() -> None:
    user, _, host = current_actor().partition("@")
    assert user
    assert host


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(reload)
    app.command()(rollback)
    return app


def _run(processes: FakeProcesses, redis_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run a command while a thread answers one command as a worker would."""
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", processes.streams.prefix)

    def answer() -> None:
        with connect(redis_url) as client:
            own = FakeProcesses(client, processes.streams)
            ((_, fields),) = wait_until(lambda: own.client.xrange(own.streams.commands))
            own.answer(json.loads(fields[DATA_FIELD])["id"], "model.activated", version="7")

    worker = Thread(target=answer)
    worker.start()
    try:
        return CliRunner().invoke(_app(), arguments)
    finally:
        worker.join()


def test_reload_prints_json(processes: FakeProcesses, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run(processes, redis_url, monkeypatch, "reload", "--version", "7", "--wait", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["version"], result["confirmed"]) == ("7", {})
    ((_, fields),) = processes.client.xrange(processes.streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["data"]["version"], sent["actor"]) == ("model.reload", "7", current_actor())


def test_rollback_prints_a_sentence(processes: FakeProcesses, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run(processes, redis_url, monkeypatch, "rollback", "--wait")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("version 7 is activated")
    assert "no consumer is running" in done.stdout
    assert "no training worker is running" in done.stderr


def test_version_and_alias_exclude_each_other() -> None:
    done = CliRunner().invoke(_app(), ["reload", "--version", "7", "--alias", "champion"])
    assert done.exit_code == 2
