"""Which version is active: the champion that passed the gate, a promotion, a rollback."""

from __future__ import annotations

from registry.decisions import decisions_in
from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Rollback
from schemas.settings import Settings
from tests.models import OPEN_GATE
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async
from training.worker import models
from training.worker.replies import RollbackTarget


async def test_new_system_activates_the_champion(commands: CommandClient, worker_settings: Settings) -> None:
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
    assert commands.model()["version"] == "1"
    assert "command_id" not in commands.model()


async def test_moved_champion_is_activated_once(
    commands: CommandClient, worker_settings: Settings, models: models.Models
) -> None:
    async with working(worker_settings, "w1"), working(worker_settings, "w2"):
        await wait_until_async(commands.model, message="the champion is activated")
        await models.set_champion("3")
        await wait_until_async(lambda: commands.model()["version"] == "3", message="the moved champion is activated")
        # a later reply shows that both workers have followed the champion
        await commands.execute(Reload(data=ReloadData(version="2")))
    assert [event.data.version for _, event in commands.events("model.activated")] == ["1", "3", "2"]
    assert commands.model()["version"] == "2"


async def test_promote_and_rollback_move_the_champion(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    async with working(worker_settings):
        assert (await commands.execute(Promote(data=PromoteData(version="2")))).data.version == "2"
        assert store.resolve().version == "2"
        assert store.resolve(alias="previous_champion").version == "1"
        assert (await commands.execute(Rollback())).data.version == "1"
        assert store.resolve().version == "1"
        assert commands.redis.hkeys(commands.streams.worker_state) == [b"champion"], "no target is left"
    activated = [event.data.version for _, event in commands.events("model.activated") if event.data.command_id]
    assert activated == ["2", "1"]


async def test_rollback_after_a_crash_between_registry_and_reply_goes_back_to_the_same_version(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    state = commands.streams.worker_state
    async with working(worker_settings):
        for version in ("2", "3"):
            await commands.execute(Promote(data=PromoteData(version=version)))
    commands.send(Rollback(id="c-1"))
    commands.deliver_to_dead_worker()
    # the dead worker had pinned the rollback target and set the champion
    commands.redis.hset(state, "target:c-1", RollbackTarget(version="2", champion="2", remaining=1).model_dump_json())
    store.set_champion("2")
    async with working(worker_settings):
        assert (await commands.wait_for_reply("c-1")).data.version == "2"
        assert (await commands.execute(Rollback())).data.version == "1"
    assert store.resolve().version == "1"
    assert commands.redis.hkeys(state) == [b"champion"]


async def test_a_rollback_goes_back_to_what_answered_before_whatever_put_it_there(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.set_tags("3", {"admitted_at": ""})
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
        force = ReloadData(version="3", force=True, reason="to see it")
        assert (await commands.execute(Reload(data=force))).data.champion == "1"
        assert (await commands.execute(Rollback())).data.version == "1", "there is no previous champion yet"
        await commands.execute(Reload(data=force))
        store.set_champion("2")
        await wait_until_async(lambda: commands.model()["version"] == "2", message="an alias moved by hand is followed")
        back = [await commands.execute(Rollback()) for _ in range(2)]
        assert [(event.data.before, event.data.version, event.data.champion) for event in back] == [
            ("2", "3", "1"),
            ("3", "1", "1"),
        ]
        assert store.resolve().version == "1"
        end = await commands.execute(Rollback())
    assert (end.type, end.data.reason) == ("model.rejected", "not_found")
    assert "no other version answered before version 1" in (end.data.message or "")
    assert commands.model()["version"] == "1"


async def test_activating_the_same_version_again_is_no_step_to_go_back(
    commands: CommandClient, worker_settings: Settings
) -> None:
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
        for version in ("2", "2", "2"):
            await commands.execute(Reload(data=ReloadData(version=version)))
        assert (await commands.execute(Rollback())).data.version == "1"


async def test_a_reload_of_a_version_that_never_passed_the_gate_requires_force_and_a_reason(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.set_tags("2", {"admitted_at": ""})
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
        refused = await commands.execute(Reload(data=ReloadData(version="2")))
        assert (refused.type, refused.data.reason, refused.data.version) == ("model.rejected", "gate", "2")
        assert "--force --reason" in (refused.data.message or "")
        assert commands.model()["version"] == "1"
        force = ReloadData(version="2", force=True, reason="the champion leaks")
        forced = await commands.execute(Reload(id="c-2", actor="ada", data=force))
        assert (forced.type, commands.model()["version"], store.resolve().version) == ("model.activated", "2", "1")
        without_reason = await commands.execute(Reload(data=ReloadData(version="3", force=True)))
    assert (without_reason.type, without_reason.data.reason) == ("command.rejected", "invalid")
    (kept,) = decisions_in(store.resolve(version="2").tags)
    assert (kept.verdict, kept.requester.actor, kept.requester.id, kept.reason) == (
        "activated",
        "ada",
        "c-2",
        "the champion leaks",
    )


async def test_gate_rejects_a_tie_with_its_reason(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    closed = worker_settings.model_copy(update={"gate": OPEN_GATE.model_copy(update={"min_gain": 0.01})})
    async with working(closed):
        rejected = await commands.execute(Promote(data=PromoteData(version="2")))
        force = PromoteData(version="3", force=True, reason="a test")
        forced = await commands.execute(Promote(actor="ada", data=force))
        back = await commands.execute(Rollback())
    assert (rejected.type, rejected.data.reason, rejected.data.version) == ("model.rejected", "gate", "2")
    assert "gain: 0 % better than the champion" in (rejected.data.message or "")
    checks = {check["name"]: check for check in rejected.model_dump()["data"]["gate"]}
    assert (checks["gain"]["outcome"], checks["signature"]["outcome"]) == ("failed", "passed")
    assert all(check["reason"] for check in checks.values())
    assert (forced.type, forced.data.version) == ("model.activated", "3")
    tags = store.resolve(version="3").tags
    assert (tags["forced_by"], tags["forced_because"], tags["validation_status"]) == ("ada", "a test", "forced")
    assert (back.type, back.data.version, store.resolve().version) == ("model.activated", "1", "1")


async def test_champion_that_never_passed_the_gate_is_not_followed(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.set_tags("2", {"admitted_at": ""})
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
        store.set_champion("2")
        ((_, rejected),) = await wait_until_async(lambda: commands.events("model.rejected"))
        assert (rejected.data.reason, rejected.data.version) == ("gate", "2")
        assert "registry promote 2" in (rejected.data.message or "")
        assert commands.model()["version"] == "1"
        assert (await commands.execute(Promote(data=PromoteData(version="2")))).type == "model.activated"
    assert commands.model()["version"] == "2"
