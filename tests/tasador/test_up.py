"""`tasador up` where the registry has a champion and Redis knows nothing: the choice that was made stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.streams import Streams
from tasador.machine.system import System
from tests.consumer.harness import Client
from tests.models import SmallModel, own_model, small_model, train_small_model
from tests.tasador.command import command_of
from tests.waiting import wait_until

__all__ = ["own_model", "small_model"]

pytestmark = pytest.mark.timeout(240)
READY_S = 120


@pytest.fixture
def chosen(own_model: SmallModel) -> SmallModel:
    """A registry with two versions, of which the older one was made champion by hand."""
    train_small_model(own_model.settings.home, trees=11)
    own_model.registry.set_champion("1")
    return own_model


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def system(chosen: SmallModel, redis_url: str, prefix: str, told: list[str]) -> Iterator[System]:
    """A system on an empty Redis, not started."""
    named = {"redis_url": SecretStr(redis_url), "prefix": prefix}
    system = System(chosen.settings.model_copy(update=named), ["housing"], 1, told.append)
    try:
        yield system
    finally:
        system.stop()


def test_an_existing_champion_is_activated_and_nothing_is_trained(
    system: System,
    chosen: SmallModel,
    redis_client: Client,
    streams: Streams,
    told: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = chosen.registry.versions()
    assert not redis_client.exists(streams.model)
    system.start()
    wait_until(lambda: redis_client.hget(streams.model, "version"), READY_S, "a model is activated")
    assert system.wait_until_ready(READY_S) == []
    assert redis_client.hget(streams.model, "version") == b"1"
    assert chosen.registry.versions() == before
    assert (chosen.registry.resolve().version, told) == ("1", [])
    assert "version 1 of housing (xgboost-reference) is champion already: nothing to train" in capfd.readouterr().out


def test_training_unless_there_is_a_champion_trains_where_there_is_none(
    chosen: SmallModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tasador.cli.commands.train import train

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_HOME", str(chosen.settings.home))
    command = command_of(train)
    assert command.json("--unless-champion") == {
        "name": "housing", "version": "1", "is_champion": True, "is_trained": False
    }  # fmt: skip
    chosen.registry.delete_alias("champion")
    assert command.json("--unless-champion", "--quick", "--models", "linear")["version"] == "3"
