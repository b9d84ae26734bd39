"""Which version is in charge: the champion that the gate let pass, its promotion and its rollback."""

from __future__ import annotations

from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Rollback
from schemas.settings import Settings
from tests.models import OPEN_GATE
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async
from training.worker import models


async def test_fresh_system_activates_champion(desk: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        await wait_until_async(desk.model, message="the champion is activated")
    assert desk.model()["version"] == "1"
    assert "command_id" not in desk.model()


async def test_moved_champion_is_activated_once(
    desk: CommandClient, worker_settings: Settings, models: models.Models
) -> None:
    async with working(worker_settings, "w1"), working(worker_settings, "w2"):
        await wait_until_async(desk.model, message="the champion is activated")
        await models.set_champion("3")
        await wait_until_async(lambda: desk.model()["version"] == "3", message="the moved champion is activated")
        # an answer after it shows that both workers have come round
        await desk.ask(Reload(data=ReloadData(version="2")))
    assert [event.data.version for _, event in desk.events("model.activated")] == ["1", "3", "2"]
    assert desk.model()["version"] == "2"


async def test_promote_and_rollback_move_the_champion(
    desk: CommandClient, worker_settings: Settings, store: Registry
) -> None:
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
    desk: CommandClient, worker_settings: Settings, store: Registry
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


async def test_gate_stays_closed_for_a_tie_and_says_why(
    desk: CommandClient, worker_settings: Settings, store: Registry
) -> None:
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
    desk: CommandClient, worker_settings: Settings, store: Registry
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
