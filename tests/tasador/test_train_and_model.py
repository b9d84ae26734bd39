from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from schemas.errors import ModelNotFoundError
from tasador.commands import model, train
from tests.models import SmallModel, small_model, table_of

__all__ = ["small_model"]

app = typer.Typer()
app.command()(train.train)
app.command()(model.model)

runner = CliRunner()


@pytest.fixture
def _home(small_model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(small_model.settings.home))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "1000")


@pytest.mark.usefixtures("_home")
def test_train_shows_candidates_the_test_figure_and_what_to_do_next(small_model: SmallModel, tmp_path: Path) -> None:
    raw = table_of("housing").with_target()
    raw.loc[3, "RM"] = 99
    raw.to_csv(tmp_path / "homes.csv", index=False)
    done = runner.invoke(app, ["train", "--models", "linear, ridge", "--data", str(tmp_path / "homes.csv")])
    assert done.exit_code == 0, done.output
    champion = small_model.registry.resolve()
    for shown in (
        "RMSE",
        "ridge",
        "chosen",
        "test rows: rmse",
        f"version {champion.version} of housing",
        "tasador reload",
    ):
        assert shown in done.stdout
    assert "left out: row 3, RM = 99" in done.stderr
    assert "1 of 2: linear" in done.stderr


@pytest.mark.usefixtures("_home")
def test_train_gives_machines_one_document(small_model: SmallModel) -> None:
    done = runner.invoke(app, ["train", "--models", "linear", "--no-promote", "--json"])
    result = json.loads(done.stdout)
    assert result["version"] == small_model.registry.versions()[0].version
    assert result["is_champion"] is False
    assert len(result["test_rows"]) == 102
    assert result["candidates"][0]["name"] == "linear"
    assert len(result["candidates"][0]["fold_scores"]) == 5


@pytest.mark.usefixtures("_home")
def test_model_shows_what_is_registered(small_model: SmallModel) -> None:
    shown = runner.invoke(app, ["model", "--version", "1"]).stdout
    for wanted in ("housing", "xgboost-reference", small_model.info.digest, small_model.info.data_sha256, "LSTAT"):
        assert wanted in shown
    found = json.loads(runner.invoke(app, ["model", "--version", "1", "--json"]).stdout)
    assert found["digest"] == small_model.info.digest
    assert found["features"] == list(small_model.domain.columns)
    assert found["trained_at"] == small_model.info.trained_at


@pytest.mark.usefixtures("_home")
def test_a_model_that_is_not_there_is_named() -> None:
    done = runner.invoke(app, ["model", "--alias", "best"])
    assert isinstance(done.exception, ModelNotFoundError)
    assert "alias 'best'" in str(done.exception)
