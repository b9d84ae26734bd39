"""The history keeps who did what when and why, whatever happens to the other streams."""

from __future__ import annotations

from registry.decisions import Decision, Requester
from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData, Rollback
from schemas.history import Change
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from tests.models import OPEN_GATE
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async


def _changes(commands: CommandClient) -> list[Change]:
    entries = commands.redis.xrange(commands.streams.history)
    return [Change.model_validate_json(fields[DATA_FIELD]) for _, fields in entries]


async def test_a_forced_promotion_is_remembered_after_two_rollbacks_and_trimmed_streams(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    closed = worker_settings.model_copy(update={"gate": OPEN_GATE.model_copy(update={"min_gain": 0.01})})
    async with working(closed):
        await wait_until_async(commands.model, message="the champion is activated")
        await commands.execute(Promote(data=PromoteData(version="2")))
        force = PromoteData(version="3", force=True, reason="the champion leaks")
        await commands.execute(Promote(id="c-3", actor="ada", data=force))
        await commands.execute(Rollback(actor="bob"))
        await commands.execute(Reload(actor="bob", data=ReloadData(version="3")))
        await commands.execute(Rollback(actor="bob"))
    for stream in (commands.streams.model_events, commands.streams.commands):
        commands.redis.xtrim(stream, 0)
    changes = _changes(commands)
    shown = [(one.deed, one.result, one.version, one.before, one.champion) for one in changes]
    assert shown == [
        ("champion", "model.activated", "1", None, "1"),
        ("promote", "model.rejected", "2", None, None),
        ("promote", "model.activated", "3", "1", "3"),
        ("rollback", "model.activated", "1", "3", "1"),
        ("reload", "model.activated", "3", "1", "1"),
        ("rollback", "model.activated", "1", "3", "1"),
    ]
    forced = changes[2]
    assert (forced.actor, forced.command_id, forced.is_forced, forced.reason) == ("ada", "c-3", True, force.reason)
    tags = store.resolve(version="3").tags
    assert (tags["forced_by"], tags["forced_because"]) == ("ada", "the champion leaks")


async def test_a_champion_set_without_a_command_is_recorded_with_the_actor_who_passed_it(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    async with working(worker_settings):
        await wait_until_async(commands.model, message="the champion is activated")
        decision = Decision(
            "2999-01-01T00:00:00+00:00", "forced", "Production", Requester("eve", "command line"), "why"
        )
        store.set_tags("2", decision.as_tag())
        store.set_champion("2")
        await wait_until_async(lambda: commands.model()["version"] == "2", message="the alias is followed")
        store.set_champion("3")
        await wait_until_async(lambda: commands.model()["version"] == "3", message="the alias is followed")
    _, trained, by_hand = _changes(commands)
    assert (trained.actor, trained.is_forced, trained.reason) == ("eve", True, "why")
    assert (by_hand.deed, by_hand.actor, by_hand.version) == ("champion", "unknown", "3")
