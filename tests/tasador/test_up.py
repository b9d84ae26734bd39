"""`tasador train --unless-champion`, which `tasador up` runs before its processes start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models import SmallModel, own_model, small_model, train_small_model
from tests.tasador.command import runner_of

__all__ = ["own_model", "small_model"]


@pytest.fixture
def chosen(own_model: SmallModel) -> SmallModel:
    """A registry with two versions; the older one is champion."""
    train_small_model(own_model.settings.home, trees=11)
    own_model.registry.set_champion("1")
    return own_model


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
    assert command.text("--unless-champion") == (
        "version 1 of housing (xgboost-reference) is already champion: nothing to train\n"
    )
    chosen.registry.delete_alias("champion")
    assert command.json("--unless-champion", "--quick", "--models", "linear")["version"] == "3"
