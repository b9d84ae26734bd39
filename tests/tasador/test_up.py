"""`tasador up` with a champion in the registry and an empty Redis: the champion is activated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.streams import Streams
from tasador.machine.system import System
from tests.consumer.harness import Client
from tests.models import SmallModel, own_model, small_model, train_small_model
from tests.tasador.command import runner_of
from tests.waiting import wait_until

__all__ = ["own_model", "small_model"]

pytestmark = pytest.mark.timeout(240)
READY_S = 120


@pytest.fixture
def chosen(own_model: SmallModel) -> SmallModel:
    """A registry with two versions; the older one is champion."""
    train_small_model(own_model.settings.home, trees=11)
    own_model.registry.set_champion("1")
    return own_model


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def system(chosen: SmallModel, redis_url: str, prefix: str, messages: list[str]) -> Iterator[System]:
    """A system on an empty Redis, not started yet."""
    named = {"redis_url": SecretStr(redis_url), "prefix": prefix}
    system = System(chosen.settings.model_copy(update=named), ["housing"], 1, messages.append)
    try:
        yield system
    finally:
        system.stop()


def test_an_existing_champion_is_activated_and_nothing_is_trained(
    system: System,
    chosen: SmallModel,
    redis_client: Client,
    streams: Streams,
    messages: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = chosen.registry.versions()
    assert not redis_client.exists(streams.model)
    system.start()
    wait_until(lambda: redis_client.hget(streams.model, "version"), READY_S, "a model is activated")
    assert system.wait_until_ready(READY_S) == []
    assert redis_client.hget(streams.model, "version") == b"1"
    assert chosen.registry.versions() == before
    assert (chosen.registry.resolve().version, messages) == ("1", [])
    assert "version 1 of housing (xgboost-reference) is already champion: nothing to train" in capfd.readouterr().out


def test_unless_champion_trains_only_without_a_champion(
    chosen: SmallModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tasador.cli.commands.train import train

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_HOME", str(chosen.settings.home))
    command = runner_of(train)
    assert command.json("--unless-champion") == {
        "name": "housing", "version": "1", "is_champion": True, "is_trained": False
    }  # fmt: skip
    chosen.registry.delete_alias("champion")
    assert command.json("--unless-champion", "--quick", "--models", "linear")["version"] == "3"
