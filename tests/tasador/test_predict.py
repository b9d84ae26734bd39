"""Predictions without a stream equal those on it, and `load_model` gives them to notebooks."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from explainer.model_explainer import load_explainer
from producer.encoding import encode_listing
from producer.files import ListingFile
from registry.location import tracking_uri_of
from schemas.domain import load_domain
from schemas.errors import DataError, ModelNotFoundError, ModelRejectedError
from schemas.rows import RowBuilder
from schemas.streams import Streams
from tasador import load_model
from tasador.cli.commands.predict import predict
from tests.consumer.harness import Client, activate, answers, count, publish, running
from tests.explainer.conftest import versions
from tests.explainer.harness import settings_of
from tests.models import SmallModel, small_model, table_of
from tests.tasador.command import runner_of
from tests.waiting import wait_until_async

__all__ = ["small_model", "versions"]

COMMAND = runner_of(predict)
HOUSING = load_domain("housing")
RANGES = ("interval", "candidates", "coverage")


@pytest.fixture(autouse=True)
def _use_store(monkeypatch: pytest.MonkeyPatch, versions: dict[str, SmallModel], tmp_path: Path) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TASADOR_MLFLOW_URI", tracking_uri_of(versions["none"].settings))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The Boston table with gaps, an unusual value and a row that is refused."""
    frame = table_of("housing").with_target().iloc[:60].reset_index(drop=True).astype(object)
    frame.loc[3, "LSTAT"] = "NA"
    frame.loc[4, "RM"] = 99
    frame.loc[5, "CRIM"] = 95
    path = tmp_path / "homes.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("method", ["tree_shap", "permutation_shap"])
async def test_predictions_equal_those_on_the_stream(
    redis_client: Client, redis_url: str, streams: Streams, versions: dict[str, SmallModel], table: Path, method: str
) -> None:
    model = versions[method]
    activate(redis_client, streams, model)
    publish(redis_client, streams, map(encode_listing, ListingFile(table, HOUSING)))
    settings = settings_of(model, streams.prefix, table.parent)
    async with running(redis_url, settings, is_following=True):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 60)
    on_stream: dict[str, Any] = {}
    for stream in (streams.predictions, streams.dead_letters):
        on_stream |= {each["data"]["listing_id"]: each["data"] for each in answers(redis_client, stream)}
    lines = COMMAND.text(str(table), "--version", model.info.version, "--interval", "--json").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["row"] for row in rows] == list(range(1, 61))
    assert len(on_stream) == 60
    for row in rows:
        data = on_stream[row["id"]]
        assert row.get("prediction") == data.get("prediction")
        assert row.get("reason") == data.get("reason")
        assert [row.get(name) for name in RANGES] == [data.get(name) for name in RANGES]
        assert ("interval" in row) == ("reason" not in row)
        assert (row["imputed"], row["unusual"]) == (data.get("imputed", []), data.get("unusual", []))
    assert [row["row"] for row in rows if "reason" in row] == [5]
    assert rows[3]["imputed"] == ["LSTAT"]
    assert rows[5]["unusual"] == ["CRIM"]


def test_a_file_of_predictions_has_a_row_for_each_row(table: Path, versions: dict[str, SmallModel]) -> None:
    out = table.with_name("out.csv")
    result = COMMAND.run(str(table), "--out", str(out))
    assert "59 rows predicted by version 1, 1 refused" in result.stderr
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert "interval_low" not in rows[0], "not asked for"
    explained = table.with_name("out.parquet")
    COMMAND.run(
        str(table), "--out", str(explained), "--explain", "--version", versions["permutation_shap"].info.version
    )
    frame = pd.read_parquet(explained)
    total = frame["base"] + frame[[f"contribution_{name}" for name in HOUSING.columns]].sum(axis=1)
    assert frame["prediction"].isna().sum() == 1
    accepted = frame["reason"].isna()
    assert total[accepted].tolist() == pytest.approx(frame["prediction"][accepted].tolist(), rel=1e-9)
    COMMAND.run(str(table), "--out", str(explained), "--interval", "--version", "1")
    frame = pd.read_parquet(explained)
    accepted = frame["reason"].isna()
    assert (frame["interval_low"] < frame["prediction"])[accepted].all()
    assert (frame["prediction"] < frame["interval_high"])[accepted].all()
    assert frame["coverage"].tolist()[:4] == [0.9] * 4
    assert frame.loc[~accepted, ["interval_low", "interval_high", "coverage"]].isna().all(axis=None)
    assert "RANGE (0.9)" in COMMAND.text(str(table), "--interval")
    text = COMMAND.text(str(table), "--explain")
    assert "BECAUSE OF" in text
    assert "and 40 more rows" in text
    assert "out_of_range" in text or "invalid_value" in text


def test_a_notebook_predicts_and_explains(table: Path, versions: dict[str, SmallModel]) -> None:
    model = load_model(versions["tree_shap"].info.version)
    frame = pd.read_csv(table)
    predictions = model.predict(frame)
    assert predictions["prediction"].equals(model.predict(table)["prediction"])
    assert predictions["prediction"].equals(model.predict(json.loads(frame.to_json(orient="records")))["prediction"])
    assert model.card.rows == 506
    explanations = model.explain(frame.head(10))
    assert list(explanations.columns) == ["prediction", "unit", "value", "base", *HOUSING.columns]
    assert explanations["value"].isna().tolist() == [number == 4 for number in range(10)]
    matrix = RowBuilder(HOUSING).matrix_of_frame(frame.head(2))
    for found, row in zip(
        load_explainer(model.folder, HOUSING).explain(matrix), explanations.itertuples(), strict=False
    ):
        assert found.contributions.tolist() == pytest.approx([getattr(row, name) for name in HOUSING.columns])
    with pytest.raises(DataError, match="unknown column 'ROOMS'"):
        model.predict([{"ROOMS": 3}])


def test_what_cannot_be_predicted_is_one_line(table: Path, versions: dict[str, SmallModel]) -> None:
    with pytest.raises(ModelNotFoundError, match="no version 99"):
        COMMAND.run(str(table), "--version", "99")
    with pytest.raises(DataError, match="unknown format"):
        COMMAND.run(str(table), "--out", "x.txt")
    with pytest.raises(ModelRejectedError, match="train it again"):
        COMMAND.run(str(table), "--version", versions["none"].info.version, "--explain")
    with pytest.raises(ModelRejectedError, match="no calibration"):
        COMMAND.run(str(table), "--version", versions["none"].info.version, "--interval")
