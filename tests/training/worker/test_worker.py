"""Every command gets one reply, and the desired model is written only together with its event."""

from __future__ import annotations

import asyncio
import json

import pytest

from operations.command_sender import CommandSender
from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Retrain
from schemas.settings import Settings
from schemas.states import DesiredModel
from schemas.streams import TRAINERS
from service.tracing import open_tracing
from tests.monitoring.monitor.watched import wait_for_answer
from tests.service.otlp_receiver import OtlpReceiver, receiver, traced
from tests.training.worker.command_client import CommandClient, working
from training.worker import models
from training.worker.app import build_worker

__all__ = ["receiver"]


async def test_command_before_the_first_start_is_carried_out(
    commands: CommandClient, worker_settings: Settings
) -> None:
    command = Reload(id="c-1", data=ReloadData(version="2"))
    commands.send(command)
    async with working(worker_settings):
        reply = await commands.wait_for_reply("c-1")
    assert (reply.type, reply.data.version, reply.source) == ("model.activated", "2", "tasador/housing/trainer/w1")
    entry = json.loads(commands.redis.hget(commands.streams.command_replies, "c-1"))["event"]
    desired = DesiredModel.from_hash(commands.redis.hgetall(commands.streams.model))
    assert desired is not None
    assert (desired.activation, desired.version, desired.command_id) == (entry, "2", "c-1")
    assert len(desired.digest) == 64
    assert not commands.pending()


async def test_unknown_version_is_rejected_and_the_model_stays(
    commands: CommandClient, worker_settings: Settings
) -> None:
    async with working(worker_settings):
        await commands.execute(Reload(data=ReloadData(version="2")))
        before = commands.model()
        reply = await commands.execute(Reload(data=ReloadData(version="99")))
    assert (reply.type, reply.data.reason) == ("model.rejected", "not_found")
    assert "version 99" in (reply.data.message or "")
    assert commands.model() == before


async def test_failed_check_is_rejected_and_the_model_stays(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.client.set_model_version_tag("housing", "3", "artifact_sha256", "0" * 64)
    async with working(worker_settings):
        await commands.execute(Reload(data=ReloadData(version="2")))
        before = commands.model()
        reply = await commands.execute(Promote(data=PromoteData(version="3")))
    assert (reply.type, reply.data.reason, reply.data.version) == ("model.rejected", "digest", "3")
    assert commands.model() == before
    assert store.resolve().version == "1", "a version that fails a check does not become champion"


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


async def test_malformed_commands_get_replies(commands: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        for fields, command_id, reason in MALFORMED:
            entry = commands.send_fields(fields)
            reply = await commands.wait_for_reply(command_id or entry)
            assert (reply.type, reply.data.command_id, reply.data.reason) == ("command.rejected", command_id, reason)
            assert reply.data.message
            if command_id:
                commands.redis.hdel(commands.streams.command_replies, command_id)
        assert (await commands.execute(Reload())).type == "model.activated"
    assert not commands.pending()


async def test_second_entry_of_a_command_is_rejected(commands: CommandClient, worker_settings: Settings) -> None:
    command = Reload(id="c-1", data=ReloadData(version="2"))
    async with working(worker_settings):
        first = commands.send(command)
        await commands.wait_for_reply("c-1")
        second = commands.send(command)
        reply = await commands.wait_for_reply(second)
    assert (reply.type, reply.data.reason, reply.data.command_id) == ("command.rejected", "repeated", "c-1")
    assert reply.model_dump()["data"]["answered_by"]["entry"] == first
    assert json.loads(commands.redis.hget(commands.streams.command_replies, "c-1"))["entry"] == first


async def test_command_fails_in_time_without_a_registry(
    commands: CommandClient, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "REGISTRY_TIMEOUT_S", 1.0)
    settings = worker_settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    async with working(settings):
        reply = await commands.execute(Reload())
        trained = await commands.execute(Retrain())
    assert (reply.type, reply.data.reason) == ("command.rejected", "registry_unavailable")
    assert "127.0.0.1:9" in (reply.data.message or "")
    assert (trained.type, trained.data.reason) == ("training.failed", "registry_unavailable")
    assert not commands.pending()


async def test_readiness_names_a_missing_registry(worker_settings: Settings) -> None:
    away = worker_settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    async with working(away) as app:
        await wait_for_answer(app, "/readyz", "registry: MLflow at http://127.0.0.1:9")
    async with working(worker_settings) as app:
        await wait_for_answer(app, "/readyz", '"ready":true')


def test_asyncapi_page_shows_the_contract_of_commands(worker_settings: Settings) -> None:
    page = json.dumps(build_worker(worker_settings, "w1").schema.to_specification().to_jsonable())
    assert "model.rollback" in page
    assert worker_settings.streams.commands in page


async def test_two_workers_share_commands(commands: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings, "w1"), working(worker_settings, "w2"):
        reloads = [Reload(data=ReloadData(version=str(1 + number % 3))) for number in range(12)]
        for reload in reloads:
            commands.send(reload)
        await asyncio.gather(*(commands.wait_for_reply(reload.id) for reload in reloads))
        consumers = commands.redis.xinfo_consumers(commands.streams.commands, TRAINERS)
        assert {consumer["name"] for consumer in consumers} == {b"w1", b"w2"}
    replied = [event.data.command_id for _, event in commands.events() if event.data.command_id]
    assert sorted(replied) == sorted(reload.id for reload in reloads)
    assert not commands.redis.xinfo_consumers(commands.streams.commands, TRAINERS), "both have left the consumer group"


async def test_command_that_always_fails_is_given_up_as_poison(
    commands: CommandClient, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(models.Models, "find", fail)
    async with working(worker_settings):
        reply = await commands.execute(Reload())
    assert (reply.type, reply.data.reason) == ("command.rejected", "poison")


async def test_a_command_and_its_event_belong_to_the_trace_of_the_sender(
    commands: CommandClient, worker_settings: Settings, receiver: OtlpReceiver
) -> None:
    settings = traced(worker_settings, receiver)
    tracing = open_tracing(settings, "operator", "ann")
    sender = CommandSender(commands.redis, commands.streams, "housing")
    async with working(settings):
        with tracing.request("reload", ""):
            sender.send(Reload(id="c-1", data=ReloadData(version="2")))
        reply = await commands.wait_for_reply("c-1")
    await tracing.aclose()
    sent, carried_out = receiver.wait_for("reload"), receiver.wait_for(f"{commands.streams.commands} process")
    assert (carried_out.service, carried_out.trace, carried_out.parent) == ("tasador-trainer", sent.trace, sent.span)
    assert (reply.model_extra or {})["traceparent"] == f"00-{carried_out.trace}-{carried_out.span}-01"
