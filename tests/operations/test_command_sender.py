"""Commands from the operator's side: answered, confirmed by every living consumer, or said who did not."""

from __future__ import annotations

import json
import time
from threading import Thread
from typing import Any

import pytest
import redis
import typer
from typer.testing import CliRunner

from operations.command_sender import CommandSender, current_actor
from schemas.commands import ModelEvent, ModelEventType, Reload, Rollback
from schemas.errors import ModelNotFoundError, ModelRejectedError, NotConfirmedError, RegistryUnavailableError
from schemas.states import ConsumerHeartbeat
from schemas.streams import DATA_FIELD, TRAINERS, Streams
from tasador.cli.commands.reload import reload
from tasador.cli.commands.rollback import rollback
from tests.waiting import wait_until
from transport.connection import connect


class Scene:
    """The other sides, played by the test: a worker that answers, consumers that confirm."""

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self.client: Any = client
        self.streams = streams

    def tell(self, kind: ModelEventType, **data: Any) -> str:
        event = ModelEvent.of("test", kind, **data).model_dump_json()
        return str(self.client.xadd(self.streams.model_events, {DATA_FIELD: event}).decode())

    def answer(self, command_id: str, kind: ModelEventType, **data: Any) -> str:
        entry = self.tell(kind, command_id=command_id, **data)
        told = json.dumps({"entry": "1-0", "event": entry})
        self.client.hset(self.streams.command_answers, command_id, told)
        return entry

    def beat(self, name: str, activation: str | None = None, age_s: int = 0) -> None:
        at_ms = int(time.time() * 1000) - age_s * 1000
        beat = ConsumerHeartbeat(
            name=name,
            instance=name,
            host="here",
            pid=1,
            started_ms=at_ms,
            at_ms=at_ms,
            state="running",
            activation=activation,
        )
        self.client.hset(self.streams.consumers, name, beat.model_dump_json())


@pytest.fixture
def scene(redis_client: redis.Redis, streams: Streams) -> Scene:
    return Scene(redis_client, streams)


@pytest.fixture
def control(redis_client: redis.Redis, streams: Streams) -> CommandSender:
    return CommandSender(redis_client, streams)


def test_every_living_consumer_confirms(scene: Scene, control: CommandSender) -> None:
    entry = scene.answer("c-1", "model.activated", version="7")
    scene.beat("swapped")
    scene.tell("model.swapped", activation=entry, consumer="swapped", load_ms=41)
    scene.beat("later", activation=f"{int(entry.partition('-')[0]) + 1}-0")
    scene.beat("dead", age_s=16)
    activation = control.activate(Reload(id="c-1"), 5, wait=True)
    assert (activation.version, activation.entry) == ("7", entry)
    assert activation.confirmed == {"swapped": 41, "later": None}


def test_consumer_that_does_not_confirm_is_named(scene: Scene, control: CommandSender) -> None:
    entry = scene.answer("c-1", "model.activated", version="7")
    scene.beat("fast", activation=entry)
    scene.beat("slow", activation="1-0")
    scene.beat("new")
    with pytest.raises(NotConfirmedError, match=r"^not confirmed by new, slow$"):
        control.activate(Reload(id="c-1"), 0.2, wait=True)


def test_consumer_that_rejects_is_named_without_waiting(scene: Scene, control: CommandSender) -> None:
    entry = scene.answer("c-1", "model.activated", version="7")
    scene.beat("a1", activation="1-0")
    scene.tell("model.rejected", activation=entry, consumer="a1", reason="digest", message="it is something else")
    with pytest.raises(NotConfirmedError, match=r"a1 \(rejected: it is something else\)"):
        control.activate(Reload(id="c-1"), 3600, wait=True)


@pytest.mark.parametrize(
    ("kind", "reason", "raised"),
    [
        ("model.rejected", "not_found", ModelNotFoundError),
        ("model.rejected", "digest", ModelRejectedError),
        ("command.rejected", "registry_unavailable", RegistryUnavailableError),
        ("command.rejected", "poison", ModelRejectedError),
    ],
)
def test_refusal_is_raised(
    scene: Scene, control: CommandSender, kind: ModelEventType, reason: str, raised: type[Exception]
) -> None:
    scene.answer("c-1", kind, reason=reason, message="so it is")
    with pytest.raises(raised, match="so it is"):
        control.activate(Reload(id="c-1"), 5, wait=True)


def test_without_worker_the_command_is_said_to_wait(scene: Scene, control: CommandSender) -> None:
    with pytest.raises(
        NotConfirmedError, match=f"no training worker runs: command c-1 lies in {scene.streams.commands}"
    ):
        control.activate(Rollback(id="c-1"), 0.1, wait=False)
    assert scene.client.xlen(scene.streams.commands) == 1


def test_busy_worker_is_named(scene: Scene, control: CommandSender) -> None:
    scene.client.xgroup_create(scene.streams.commands, TRAINERS, "0", mkstream=True)
    control.send(Reload(id="c-1"))
    scene.client.xreadgroup(TRAINERS, "w1", {scene.streams.commands: ">"})
    assert control.living_workers() == ["w1"]
    with pytest.raises(NotConfirmedError, match="command c-1 is with the training worker w1"):
        control.wait_for_answer("c-1", time.monotonic())


def test_actor_is_user_and_host() -> None:
    user, _, host = current_actor().partition("@")
    assert user
    assert host


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(reload)
    app.command()(rollback)
    return app


def _run(scene: Scene, redis_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Run a command while a worker of one answer stands by."""
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", scene.streams.prefix)

    def obey() -> None:
        with connect(redis_url) as client:
            here = Scene(client, scene.streams)
            ((_, fields),) = wait_until(lambda: here.client.xrange(here.streams.commands))
            here.answer(json.loads(fields[DATA_FIELD])["id"], "model.activated", version="7")

    worker = Thread(target=obey)
    worker.start()
    try:
        return CliRunner().invoke(_app(), arguments)
    finally:
        worker.join()


def test_reload_prints_json(scene: Scene, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run(scene, redis_url, monkeypatch, "reload", "--version", "7", "--wait", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["version"], told["confirmed"]) == ("7", {})
    ((_, fields),) = scene.client.xrange(scene.streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["data"]["version"], sent["actor"]) == ("model.reload", "7", current_actor())


def test_rollback_tells_in_words(scene: Scene, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run(scene, redis_url, monkeypatch, "rollback", "--wait")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("version 7 is activated")
    assert "no consumer runs" in done.stdout
    assert "no training worker runs yet" in done.stderr


def test_version_and_alias_exclude_each_other() -> None:
    done = CliRunner().invoke(_app(), ["reload", "--version", "7", "--alias", "champion"])
    assert done.exit_code == 2
