"""A rollout from the command line on a running system with real models: shadow, canary, promotion."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from operations.verification.checker import Checker
from schemas.errors import DataError, ModelNotFoundError, ModelRejectedError
from schemas.pairs import unpack_pairs
from schemas.settings import Settings
from schemas.window import layout_of
from tasador.cli.commands.rollout import app
from tests.consumer.harness import Client, publish_numbered
from tests.models import SmallModel, small_model, train_small_model
from tests.tasador.command import Runner, use_redis
from tests.tasador.live_system import run_applications
from tests.waiting import wait_until_async

__all__ = ["small_model"]

TYPED = Runner(app)


@pytest.fixture
def settings(
    tmp_path: Path, redis_url: str, prefix: str, small_model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings of a system whose registry has the champion, version 1, and version 2."""
    home = tmp_path / "home"
    small_model.in_copy(home)
    train_small_model(home, trees=11, promote=False)
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HOME", str(home))
    archive = {"is_on": False}
    return Settings(home=home, prefix=prefix, redis_url=SecretStr(redis_url), claim_idle_ms=2000, archive=archive)


async def _json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(TYPED.json, *arguments)
    return found


async def _publish(client: Client, settings: Settings, count: int, first: int) -> list[str]:
    ids = publish_numbered(client, settings.streams, count, first=first)
    total = first + count
    await wait_until_async(lambda: client.xlen(settings.streams.predictions) == total)
    return ids


async def test_a_challenger_goes_from_shadow_to_champion(settings: Settings, redis_client: redis.Redis) -> None:
    client: Client = redis_client
    streams, domain = settings.streams, settings.load_domain()
    async with run_applications(settings):
        await wait_until_async(
            lambda: client.hget(streams.consumers, "c1") and b'"version":"1"' in client.hget(streams.consumers, "c1")
        )
        with pytest.raises(ModelNotFoundError, match="no rollout is running"):
            await _json("promote")
        started = await _json("start", "--version", "2", "--wait", "--reason", "fewer errors")
        assert (started["result"], started["mode"], started["share"]) == ("rollout.started", "shadow", 1.0)
        assert started["confirmed"] == ["c1"]
        ids = await _publish(client, settings, 50, first=0)
        with pytest.raises(ModelRejectedError, match="a rollout of version 2 is running"):
            await _json("start", "--version", "2")
        adjusted = await _json("adjust", "--mode", "canary", "--share", "0.5", "--until", "7d", "--wait")
        assert (adjusted["rollout"], adjusted["confirmed"]) == (started["rollout"], ["c1"])
        shown = await asyncio.to_thread(TYPED.text, "status")
        assert "canary of version 2 beside version 1" in shown
        assert "carried out  by c1" in shown
        ids += await _publish(client, settings, 50, first=50)
        promoted = await _json("promote", "--force", "--reason", "as the test wants", "--wait")
        assert (promoted["version"], list(promoted["confirmed"])) == ("2", ["c1"])
        assert (await _json("status"))["rollout"] is None
        ids += await _publish(client, settings, 50, first=100)
    report = Checker(client, streams, domain, 30_000).check(ids, is_everything=True)
    assert report.is_complete, report.problems
    predictions = [json.loads(fields[b"data"])["data"] for _, fields in client.xrange(streams.predictions)]
    stamps = [prediction["model"] for prediction in predictions]
    assert {stamp["version"] for stamp in stamps[:50]} == {"1"}
    arms = Counter((stamp["arm"], stamp["version"]) for stamp in stamps[50:100])
    assert set(arms) == {("champion", "1"), ("challenger", "2")}
    assert {stamp["version"] for stamp in stamps[100:]} == {"2"}
    assert (report.arms >= 100, report.pairs) == (True, 50 + arms["challenger", "2"])
    first = unpack_pairs(layout_of(domain), client.xrange(streams.shadows, count=1)[0][1])[0]
    assert first["champion"] == predictions[0]["prediction"] != first["challenger"]


async def test_a_rollout_is_stopped(settings: Settings, redis_client: redis.Redis) -> None:
    async with run_applications(settings):
        await wait_until_async(lambda: redis_client.exists(settings.streams.model))
        await _json("start", "--version", "2", "--steps", "--wait")
        assert (await _json("status"))["rollout"]["follows_steps"]
        stopped = await _json("stop", "--reason", "enough", "--wait")
        assert (stopped["result"], stopped["confirmed"]) == ("rollout.stopped", ["c1"])
        with pytest.raises(ModelRejectedError, match="no rollout is running"):
            await _json("stop")


@pytest.mark.usefixtures("settings")
def test_a_wrong_option_is_named() -> None:
    assert "--steps says mode and share" in TYPED.run("start", "--version", "2", "--steps", "--share", "0.1").output
    with pytest.raises(DataError, match="'soon' is no time to come"):
        TYPED.run("adjust", "--until", "soon")
    assert TYPED.text("status").strip() == "no rollout is running"
