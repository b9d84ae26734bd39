"""What commands do: each one answered, once, with the desired model written only together with its event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import pytest

from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Retrain
from schemas.settings import Settings
from schemas.states import DesiredModel
from schemas.streams import TRAINERS
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async
from training.worker import command_handler, models
from training.worker.app import WorkerApp, build_worker


async def test_command_sent_before_first_start_activates(desk: CommandClient, worker_settings: Settings) -> None:
    command = Reload(id="c-1", data=ReloadData(version="2"))
    desk.send(command)
    async with working(worker_settings):
        answer = await desk.answer("c-1")
    assert (answer.type, answer.data.version, answer.source) == ("model.activated", "2", "tasador/housing/trainer/w1")
    entry = json.loads(desk.client.hget(desk.streams.command_answers, "c-1"))["event"]
    desired = DesiredModel.from_hash(desk.client.hgetall(desk.streams.model))
    assert desired is not None
    assert (desired.activation, desired.version, desired.command_id) == (entry, "2", "c-1")
    assert len(desired.digest) == 64
    assert not desk.pending()


async def test_unknown_version_is_rejected_and_old_model_stays(desk: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        await desk.ask(Reload(data=ReloadData(version="2")))
        before = desk.model()
        answer = await desk.ask(Reload(data=ReloadData(version="99")))
    assert (answer.type, answer.data.reason) == ("model.rejected", "not_found")
    assert "version 99" in (answer.data.message or "")
    assert desk.model() == before


async def test_failed_check_is_rejected_and_old_model_stays(
    desk: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.client.set_model_version_tag("housing", "3", "artifact_sha256", "0" * 64)
    async with working(worker_settings):
        await desk.ask(Reload(data=ReloadData(version="2")))
        before = desk.model()
        answer = await desk.ask(Promote(data=PromoteData(version="3")))
    assert (answer.type, answer.data.reason, answer.data.version) == ("model.rejected", "digest", "3")
    assert desk.model() == before
    assert store.resolve().version == "1", "what fails a check does not become champion"


MALFORMED = [
    ({b"data": b"no json"}, None, "invalid"),
    ({b"data": b'["c-1"]'}, None, "invalid"),
    ({b"data": b'{"id":"c-1","type":"model.explode"}'}, "c-1", "unknown_type"),
    ({b"data": b'{"id":"c-1"}'}, "c-1", "invalid"),
    ({b"data": b'{"id":"c-1","type":"model.promote"}'}, "c-1", "invalid"),
    ({b"data": b'{"id":"c-1","type":"model.reload","data":{"version":"1","alias":"champion"}}'}, "c-1", "invalid"),
    ({b"data": b'{"id":"c-1","type":"model.promote","data":{"version":"1","force":true}}'}, "c-1", "invalid"),
    ({b"data": b'{"id":"' + b"x" * 257 + b'","type":"model.reload"}'}, None, "invalid"),
    ({b"data": b"\xff\xfe"}, None, "invalid"),
    ({b"data": b"[" * 10_000}, None, "invalid"),
    ({b"\xff": b"\x00"}, None, "invalid"),
]


async def test_malformed_commands_are_answered(desk: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        for fields, command_id, reason in MALFORMED:
            entry = desk.send_fields(fields)
            answer = await desk.answer(command_id or entry)
            assert (answer.type, answer.data.command_id, answer.data.reason) == ("command.rejected", command_id, reason)
            assert answer.data.message
            if command_id:
                desk.client.hdel(desk.streams.command_answers, command_id)
        assert (await desk.ask(Reload())).type == "model.activated"
    assert not desk.pending()


async def test_second_entry_of_a_command_is_repeated(desk: CommandClient, worker_settings: Settings) -> None:
    command = Reload(id="c-1", data=ReloadData(version="2"))
    async with working(worker_settings):
        first = desk.send(command)
        await desk.answer("c-1")
        second = desk.send(command)
        answer = await desk.answer(second)
    assert (answer.type, answer.data.reason, answer.data.command_id) == ("command.rejected", "repeated", "c-1")
    assert answer.model_dump()["data"]["answered_by"]["entry"] == first
    assert json.loads(desk.client.hget(desk.streams.command_answers, "c-1"))["entry"] == first


async def test_registry_that_does_not_answer_is_told_in_time(
    desk: CommandClient, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PATIENCE_S", 1.0)
    settings = worker_settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    async with working(settings):
        answer = await desk.ask(Reload())
        trained = await desk.ask(Retrain())
    assert (answer.type, answer.data.reason) == ("command.rejected", "registry_unavailable")
    assert "127.0.0.1:9" in (answer.data.message or "")
    assert (trained.type, trained.data.reason) == ("training.failed", "registry_unavailable")
    assert not desk.pending()


async def test_readiness_says_that_the_registry_does_not_answer(desk: CommandClient, worker_settings: Settings) -> None:
    away = worker_settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})

    async def is_told(app: WorkerApp, wanted: str) -> bool:
        return wanted in (await _readiness(app)).replace(" ", "")

    async with working(away) as app:
        told: bool = await wait_until_async(partial(is_told, app, "registry:MLflowathttp://127.0.0.1:9"))
    async with working(worker_settings) as app:
        ready: bool = await wait_until_async(partial(is_told, app, '"ready":true'))
    assert told
    assert ready


async def _readiness(app: WorkerApp) -> str:
    """What `/readyz` answers."""
    body = bytearray()

    async def send(message: MutableMapping[str, Any]) -> None:
        body.extend(message.get("body", b""))

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    await app({"type": "http", "method": "GET", "path": "/readyz", "headers": []}, receive, send)
    return body.decode()


def test_worker_page_shows_the_contract_of_commands(worker_settings: Settings) -> None:
    page = json.dumps(build_worker(worker_settings, "w1").schema.to_specification().to_jsonable())
    assert "model.rollback" in page
    assert worker_settings.streams.commands in page


async def test_two_workers_share_commands(desk: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings, "w1"), working(worker_settings, "w2"):
        commands = [Reload(data=ReloadData(version=str(1 + number % 3))) for number in range(12)]
        for command in commands:
            desk.send(command)
        await asyncio.gather(*(desk.answer(command.id) for command in commands))
        assert {name["name"] for name in desk.client.xinfo_consumers(desk.streams.commands, TRAINERS)} == {b"w1", b"w2"}
    told = [event.data.command_id for _, event in desk.events() if event.data.command_id]
    assert sorted(told) == sorted(command.id for command in commands)
    assert not desk.client.xinfo_consumers(desk.streams.commands, TRAINERS), "both have left the group"


async def test_unexpected_error_gives_up_as_poison(
    desk: CommandClient, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(command_handler.CommandHandler, "_obey", explode)
    async with working(worker_settings):
        answer = await desk.ask(Reload())
    assert (answer.type, answer.data.reason) == ("command.rejected", "poison")
