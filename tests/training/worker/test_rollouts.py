"""The worker starts, adjusts and ends rollouts, each command once, and tries a challenger before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.loading import load_scorer
from registry.store import Registry
from registry.versions import DIGEST_TAG
from schemas.commands import (
    AdjustRollout,
    Reload,
    ReloadData,
    StartRollout,
    StopRollout,
)
from schemas.history import Change
from schemas.rollout_commands import RolloutAdjustData, RolloutStartData, RolloutStopData
from schemas.rollouts import DesiredRollout
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async


@pytest.fixture(autouse=True)
def _tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try challengers in a thread, which saves the imports of a process; tests/registry/test_trial.py starts one."""

    async def load(settings: Settings, path: Path, *, is_whole: bool) -> None:
        assert is_whole
        await asyncio.to_thread(load_scorer, path, settings.load_domain())

    monkeypatch.setattr("training.worker.models.try_apart", load)


def _rollout(commands: CommandClient) -> DesiredRollout | None:
    return DesiredRollout.from_hash(commands.redis.hgetall(commands.streams.rollout))


def _last_event(commands: CommandClient) -> str:
    return commands.events()[-1][0]


def _start(command_id: str = "start", **data: object) -> StartRollout:
    return StartRollout(id=command_id, actor="ada", data=RolloutStartData.model_validate({"version": "2"} | data))


@asynccontextmanager
async def _ready(commands: CommandClient, settings: Settings) -> AsyncIterator[None]:
    """A worker that has activated the champion."""
    async with working(settings):
        await wait_until_async(commands.model)
        yield


def _ended(commands: CommandClient) -> list[tuple[str | None, str | None]]:
    events = [event for _, event in commands.events() if event.type == "rollout.stopped"]
    return [(event.data.cause, event.data.rollout) for event in events]


async def test_a_rollout_is_started_adjusted_and_stopped(commands: CommandClient, worker_settings: Settings) -> None:
    async with _ready(commands, worker_settings):
        started = await commands.execute(_start(mode="canary", salt="spring", reason="cheaper"))
        first = _rollout(commands)
        assert first is not None
        assert started.type == "rollout.started"
        assert (started.data.by, started.data.message, started.data.share) == ("ada", "cheaper", 0.05)
        assert (first.id, first.revision) == (_last_event(commands), _last_event(commands))
        assert (first.version, first.champion, first.mode, first.salt) == ("2", "1", "canary", "spring")
        adjusted = await commands.execute(AdjustRollout(data=RolloutAdjustData(rollout=first.id, share=0.25)))
        second = _rollout(commands)
        assert second == first.model_copy(update={"share": 0.25, "revision": _last_event(commands)})
        assert (adjusted.type, adjusted.data.rollout, adjusted.data.share) == ("rollout.adjusted", first.id, 0.25)
        stop = StopRollout(data=RolloutStopData(cause="guardrail", guardrail="poison", reason="2 % poison"))
        stopped = await commands.execute(stop)
    assert _rollout(commands) is None
    assert (stopped.data.cause, stopped.data.guardrail, stopped.data.message) == ("guardrail", "poison", "2 % poison")
    deeds = [Change.model_validate_json(e[DATA_FIELD]).deed for _, e in commands.redis.xrange(commands.streams.history)]
    assert deeds[-3:] == ["rollout_start", "rollout_adjust", "rollout_stop"]


async def test_what_does_not_fit_is_rejected_and_changes_nothing(
    commands: CommandClient, worker_settings: Settings
) -> None:
    async with _ready(commands, worker_settings):
        assert (await commands.execute(StopRollout())).data.reason == "no_rollout"
        assert (await commands.execute(_start("same", version="1"))).data.reason == "same_version"
        assert (await commands.execute(_start("none", version="99"))).data.reason == "not_found"
        past = datetime.now(UTC) - timedelta(days=1)
        assert (await commands.execute(_start("late", until=past))).data.reason == "invalid"
        assert _rollout(commands) is None
        await commands.execute(_start())
        running = _rollout(commands)
        assert (await commands.execute(_start("again", version="3"))).data.reason == "busy"
        other = AdjustRollout(data=RolloutAdjustData(rollout="1-0", share=0.5))
        assert (await commands.execute(other)).data.reason == "another_rollout"
        assert _rollout(commands) == running


async def test_a_command_sent_twice_starts_one_rollout(commands: CommandClient, worker_settings: Settings) -> None:
    async with _ready(commands, worker_settings):
        await commands.execute(_start())
        running = _rollout(commands)
        entry = commands.send(_start())
        await wait_until_async(lambda: commands.redis.hexists(commands.streams.command_replies, entry))
    assert _rollout(commands) == running


async def test_a_challenger_that_costs_too_much_is_rejected(commands: CommandClient, worker_settings: Settings) -> None:
    swap = worker_settings.swap.model_copy(update={"max_us_per_row": 1e-6})
    async with _ready(commands, worker_settings.model_copy(update={"swap": swap})):
        rejected = await commands.execute(_start())
    assert (rejected.type, rejected.data.reason) == ("model.rejected", "cost")


async def test_a_challenger_whose_files_differ_from_the_registered_ones_is_rejected(
    commands: CommandClient, worker_settings: Settings, store: Registry
) -> None:
    store.client.set_model_version_tag(store.name, "2", DIGEST_TAG, "0" * 64)
    async with _ready(commands, worker_settings):
        rejected = await commands.execute(_start())
    assert (rejected.type, rejected.data.reason) == ("model.rejected", "digest")


@pytest.mark.parametrize(("version", "cause"), [("2", "promoted"), ("3", "replaced")])
async def test_an_activation_ends_the_rollout(
    commands: CommandClient, worker_settings: Settings, version: str, cause: str
) -> None:
    async with _ready(commands, worker_settings):
        await commands.execute(_start())
        running = _rollout(commands)
        assert running is not None
        reload = Reload(data=ReloadData(version=version, force=True, reason="test"))
        activated = await commands.execute(reload)
    assert activated.type == "model.activated"
    assert _rollout(commands) is None
    assert _ended(commands) == [(cause, running.id)]


async def test_the_same_version_activated_again_leaves_the_rollout(
    commands: CommandClient, worker_settings: Settings
) -> None:
    async with _ready(commands, worker_settings):
        await commands.execute(_start())
        await commands.execute(Reload(data=ReloadData(version="1", force=True, reason="test")))
        assert _rollout(commands) is not None


async def test_a_rollout_ends_when_its_time_is_over(commands: CommandClient, worker_settings: Settings) -> None:
    async with _ready(commands, worker_settings):
        await commands.execute(_start(until=datetime.now(UTC) + timedelta(seconds=3)))
        running = _rollout(commands)
        assert running is not None
        await wait_until_async(lambda: _rollout(commands) is None)
    assert _ended(commands) == [("expired", running.id)]


async def test_a_rollout_whose_consumers_died_ends(commands: CommandClient, worker_settings: Settings) -> None:
    async with _ready(commands, worker_settings):
        await commands.execute(_start())
        running = _rollout(commands)
        assert running is not None
        commands.redis.hset(commands.streams.challenger_failures, running.id, 3)
        await wait_until_async(lambda: _rollout(commands) is None)
    stopped = commands.events()[-1][1].data
    assert (stopped.cause, stopped.guardrail, stopped.message) == (
        "guardrail",
        "failures",
        "3 consumers died with the challenger loaded",
    )
    assert not commands.redis.exists(commands.streams.challenger_failures)
