from __future__ import annotations

import json
import os
import re
from pathlib import Path
from threading import Event, Thread

import pytest
import redis
import typer
from typer.testing import CliRunner

from operations.judging import BacklogStatus, judge
from operations.processes import read_processes
from registry.loading import load_scorer
from schemas.streams import Streams
from tasador.cli.commands import train
from tests.models import SmallModel, own_model, small_model, table_of
from tests.tasador.command import use_redis
from transport.connection import connect

__all__ = ["own_model", "small_model"]

app = typer.Typer()
app.command()(train.train)
app.callback()(lambda: None)

runner = CliRunner()
QUIET = BacklogStatus(total=0, undelivered=0, pending=0, is_exact=True, oldest_pending_s=0)


@pytest.fixture
def _home(own_model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    monkeypatch.setenv("TASADOR_TRAINING__REPEATS", "1")
    monkeypatch.setenv("TASADOR_TRAINING__REPORT", "figures")
    # the report goes into the current folder
    monkeypatch.chdir(own_model.settings.home)
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "1000")


@pytest.mark.usefixtures("_home")
def test_train_prints_candidates_test_figures_and_the_next_command(own_model: SmallModel, tmp_path: Path) -> None:
    raw = table_of("housing").with_target()
    raw.loc[3, "RM"] = 99
    raw.to_csv(tmp_path / "homes.csv", index=False)
    done = runner.invoke(
        app,
        ["train", "--models", "linear, xgboost", "--data", str(tmp_path / "homes.csv"), "--force", "--reason", "try"],
    )
    assert done.exit_code == 0, done.output
    champion = own_model.registry.resolve()
    for shown in (
        "RMSE",
        "xgboost",
        "chosen",
        "test rows: rmse",
        f"version {champion.version} of housing",
        "tasador reload",
    ):
        assert shown in done.stdout
    assert Path("reports/housing/report.html").exists()
    assert champion.tags["trigger"] == "command line"
    assert "left out: row 4, RM = 99" in done.stderr
    assert "trying linear" in done.stderr


@pytest.mark.usefixtures("_home")
def test_a_training_is_announced_to_a_system_that_waits_for_its_first_model(
    redis_client: redis.Redis, redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HEARTBEAT_S", "0.01")
    streams, shown = Streams(prefix), set[str]()
    done = Event()

    def watch() -> None:
        with connect(redis_url) as client:
            while not done.wait(0.005):
                shown.update(judge("housing", read_processes(client, streams), None, QUIET, None)[1])

    watching = Thread(target=watch)
    watching.start()
    result = runner.invoke(app, ["train", "--models", "linear", "--no-promote"])
    done.set()
    watching.join()
    assert result.exit_code == 0, result.output
    waits = rf"no model has been activated yet: train-.*-{os.getpid()} is training for \d+ s \(train for \d+ s.*\)"
    assert any(re.fullmatch(waits, reason) for reason in shown), shown
    assert not redis_client.exists(streams.trainers)


@pytest.mark.usefixtures("_home")
def test_train_as_json(own_model: SmallModel) -> None:
    done = runner.invoke(app, ["train", "--models", "linear", "--no-promote", "--json"])
    result = json.loads(done.stdout)
    assert result["version"] == own_model.registry.versions()[0].version
    assert result["is_champion"] is False
    assert len(result["test_rows"]) == 102
    assert result["candidates"][0]["name"] == "linear"
    assert len(result["candidates"][0]["fold_scores"]) == 5


@pytest.mark.usefixtures("_home")
def test_train_exits_with_3_and_the_gates_line_if_the_champion_stays(
    own_model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_GATE__MIN_SKILL", "1")
    before = own_model.registry.versions()
    done = runner.invoke(app, ["train", "--models", "linear"])
    assert done.exit_code == 3, done.output
    (line,) = [line for line in done.stdout.splitlines() if "did not pass the gate against champion 1" in line]
    assert re.search(r" rows: skill: \d+\.\d+ % better than the naive answer \(rmse \S+ against \S+;", line)
    assert "tasador registry show 2" in done.stdout
    assert own_model.registry.resolve().version == "1"
    kept, *earlier = own_model.registry.versions()
    assert [each.version for each in earlier] == [each.version for each in before]
    assert (kept.version, kept.status, kept.is_admitted) == ("2", "failed", False), "registered whole, and kept out"
    assert load_scorer(Path(kept.uri), own_model.domain).card.algorithm == "linear"
    json_of = runner.invoke(app, ["train", "--models", "linear", "--json"])
    assert (json_of.exit_code, json.loads(json_of.stdout)["is_champion"]) == (3, False)


@pytest.mark.parametrize("half", [["--force"], ["--reason", "because"]])
def test_force_and_reason_require_each_other(half: list[str]) -> None:
    done = runner.invoke(app, ["train", *half])
    assert done.exit_code == 2
    assert "--force and --reason require each other" in done.output
