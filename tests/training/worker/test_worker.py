"""What commands do: each one answered, once, with the desired model written only together with its event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import pytest

from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Retrain, RetrainData, Rollback
from schemas.settings import Settings
from schemas.states import DesiredModel
from schemas.streams import TRAINERS
from tests.models import OPEN_GATE
from tests.training.worker.desk import Desk, working
from tests.waiting import wait_until_async
from training import train
from training.worker import activation, execution
from training.worker.app import WorkerApp, build_worker


async def test_command_sent_before_first_start_activates(desk: Desk, worker_settings: Settings) -> None:
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


async def test_fresh_system_activates_champion(desk: Desk, worker_settings: Settings) -> None:
    async with working(worker_settings):
        await wait_until_async(desk.model, message="the champion is activated")
    assert desk.model()["version"] == "1"
    assert "command_id" not in desk.model()


async def test_moved_champion_is_activated_once(
    desk: Desk, worker_settings: Settings, models: activation.Models
) -> None:
    async with working(worker_settings, "w1"), working(worker_settings, "w2"):
        await wait_until_async(desk.model, message="the champion is activated")
        await models.set_champion("3")
        await wait_until_async(lambda: desk.model()["version"] == "3", message="the moved champion is activated")
        # an answer after it shows that both workers have come round
        await desk.ask(Reload(data=ReloadData(version="2")))
    assert [event.data.version for _, event in desk.events("model.activated")] == ["1", "3", "2"]
    assert desk.model()["version"] == "2"


async def test_unknown_version_is_rejected_and_old_model_stays(desk: Desk, worker_settings: Settings) -> None:
    async with working(worker_settings):
        await desk.ask(Reload(data=ReloadData(version="2")))
        before = desk.model()
        answer = await desk.ask(Reload(data=ReloadData(version="99")))
    assert (answer.type, answer.data.reason) == ("model.rejected", "not_found")
    assert "version 99" in (answer.data.message or "")
    assert desk.model() == before


async def test_failed_check_is_rejected_and_old_model_stays(
    desk: Desk, worker_settings: Settings, store: Registry
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


async def test_malformed_commands_are_answered(desk: Desk, worker_settings: Settings) -> None:
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


async def test_second_entry_of_a_command_is_repeated(desk: Desk, worker_settings: Settings) -> None:
    command = Reload(id="c-1", data=ReloadData(version="2"))
    async with working(worker_settings):
        first = desk.send(command)
        await desk.answer("c-1")
        second = desk.send(command)
        answer = await desk.answer(second)
    assert (answer.type, answer.data.reason, answer.data.command_id) == ("command.rejected", "repeated", "c-1")
    assert answer.model_dump()["data"]["answered_by"]["entry"] == first
    assert json.loads(desk.client.hget(desk.streams.command_answers, "c-1"))["entry"] == first


async def test_promote_and_rollback_move_the_champion(desk: Desk, worker_settings: Settings, store: Registry) -> None:
    async with working(worker_settings):
        assert (await desk.ask(Promote(data=PromoteData(version="2")))).data.version == "2"
        assert store.resolve().version == "2"
        assert store.resolve(alias="previous_champion").version == "1"
        assert (await desk.ask(Rollback())).data.version == "1"
        assert store.resolve().version == "1"
        assert desk.client.hkeys(desk.streams.worker_notes) == [b"champion"], "aims are forgotten with the answer"
    activated = [event.data.version for _, event in desk.events("model.activated") if event.data.command_id]
    assert activated == ["2", "1"]


async def test_rollback_means_the_same_after_a_crash_between_registry_and_answer(
    desk: Desk, worker_settings: Settings, store: Registry
) -> None:
    store.set_champion("2")
    command = Rollback(id="c-1")
    desk.send(command)
    desk.leave_to_dead_worker()
    # what the dead worker had done: noted its aim, and set the champion
    desk.client.hset(desk.streams.worker_notes, "target:c-1", "1")
    store.set_champion("1")
    async with working(worker_settings):
        assert (await desk.answer("c-1")).data.version == "1"
    assert store.resolve().version == "1"
    assert not desk.client.hexists(desk.streams.worker_notes, "target:c-1")


async def test_registry_that_does_not_answer_is_told_in_time(
    desk: Desk, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "PATIENCE_S", 1.0)
    settings = worker_settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    async with working(settings):
        answer = await desk.ask(Reload())
        trained = await desk.ask(Retrain())
    assert (answer.type, answer.data.reason) == ("command.rejected", "registry_unavailable")
    assert "127.0.0.1:9" in (answer.data.message or "")
    assert (trained.type, trained.data.reason) == ("training.failed", "registry_unavailable")
    assert not desk.pending()


async def test_readiness_says_that_the_registry_does_not_answer(desk: Desk, worker_settings: Settings) -> None:
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


async def test_two_workers_share_commands(desk: Desk, worker_settings: Settings) -> None:
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
    desk: Desk, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(execution.Execution, "_obey", explode)
    async with working(worker_settings):
        answer = await desk.ask(Reload())
    assert (answer.type, answer.data.reason) == ("command.rejected", "poison")


async def test_gate_stays_closed_for_a_tie_and_says_why(desk: Desk, worker_settings: Settings, store: Registry) -> None:
    closed = worker_settings.model_copy(update={"gate": OPEN_GATE.model_copy(update={"min_gain": 0.01})})
    async with working(closed):
        answer = await desk.ask(Promote(data=PromoteData(version="2")))
        forced = await desk.ask(Promote(actor="ada", data=PromoteData(version="3", force=True, reason="a test")))
        back = await desk.ask(Rollback())
    assert (answer.type, answer.data.reason, answer.data.version) == ("model.rejected", "gate", "2")
    assert "gain: 0 % of the champion's rmse" in (answer.data.message or "")
    checks = {check["name"]: check for check in answer.model_dump()["data"]["gate"]}
    assert (checks["gain"]["outcome"], checks["signature"]["outcome"]) == ("failed", "passed")
    assert all(check["reason"] for check in checks.values())
    assert (forced.type, forced.data.version) == ("model.activated", "3")
    tags = store.resolve(version="3").tags
    assert (tags["forced_by"], tags["forced_because"], tags["validation_status"]) == ("ada", "a test", "forced")
    assert (back.type, back.data.version, store.resolve().version) == ("model.activated", "1", "1")


async def test_champion_that_never_passed_the_gate_is_not_followed(
    desk: Desk, worker_settings: Settings, store: Registry
) -> None:
    store.set_tags("2", {"admitted_at": ""})
    async with working(worker_settings):
        await wait_until_async(desk.model, message="the champion is activated")
        store.set_champion("2")
        ((_, told),) = await wait_until_async(lambda: desk.events("model.rejected"))
        assert (told.data.reason, told.data.version) == ("gate", "2")
        assert "registry promote 2" in (told.data.message or "")
        assert desk.model()["version"] == "1"
        assert (await desk.ask(Promote(data=PromoteData(version="2")))).type == "model.activated"
    assert desk.model()["version"] == "2"


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
