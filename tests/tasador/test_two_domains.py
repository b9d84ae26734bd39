"""A regression and a classification side by side on one Redis, each scored by its own consumer."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from consumer.consumer import Consumer
from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.domain import load_domain
from schemas.events import Prediction
from schemas.settings import Settings, load_settings
from schemas.streams import DATA_FIELD
from tasador.cli.app import app
from tasador.cli.commands.publish import publish
from tests.conftest import StartRedis
from tests.consumer.harness import activate
from tests.models import SmallModel, made_up_rows, own_model, small_model, table_of
from tests.tasador.command import runner_of
from transport.connection import connect, connect_async

__all__ = ["own_model", "small_model"]

REAL = Path(__file__).parents[3] / "shared/data/ObesityDataSet_raw_and_data_sinthetic.csv"
OBESITY = load_domain("obesity")
RISKS = {"Normal": "low", "Insufficient": "medium", "Overweight": "medium", "Obesity": "high"}


@pytest.fixture(name="url")
def _url(monkeypatch: pytest.MonkeyPatch, own_model: SmallModel, private_redis: StartRedis) -> str:
    """An empty Redis, and a home folder with a champion of housing."""
    url = private_redis().url
    monkeypatch.setenv("TASADOR_DOMAIN", "housing")  # restored after --domain has set it
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    monkeypatch.setenv("TASADOR_REDIS_URL", url)
    monkeypatch.chdir(own_model.settings.home)
    return url


def _train(*arguments: str) -> Any:
    done = CliRunner().invoke(
        app, ["--domain", "obesity", "train", "--quick", "--json", *arguments], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@asynccontextmanager
async def _scoring(url: str, settings: Settings) -> AsyncIterator[None]:
    """A consumer of the domain's champion."""
    domain = settings.load_domain()
    champion = Registry(tracking_uri_of(settings), settings.domain).resolve()
    with connect(url) as searcher:
        activate(searcher, settings.streams, SmallModel(settings, domain, champion))
        client = connect_async(url)
        consumer = Consumer(client, searcher, domain, settings, "a", 0)
        working = asyncio.create_task(consumer.run())
        try:
            yield
        finally:
            consumer.stop()
            await asyncio.wait_for(working, 20)
            await client.aclose()


async def _score_tables(url: str, tables: Mapping[str, Path]) -> dict[str, list[Prediction]]:
    """The predictions for the tables of both domains, whose consumers run at the same time."""
    both = {name: load_settings(domain=name) for name in tables}
    async with _scoring(url, both["housing"]), _scoring(url, both["obesity"]):
        for name, table in tables.items():
            arguments = (str(table), "--domain", name, "--wait", "--timeout", "60")
            document = await asyncio.to_thread(runner_of(publish).json, *arguments)
            assert set(document["answers"]) == {"scored"}
    with connect(url) as client:
        return {
            name: [
                Prediction.model_validate_json(fields[DATA_FIELD])
                for _, fields in client.xrange(settings.streams.predictions)
            ]
            for name, settings in both.items()
        }


def _check_people(people: list[Prediction]) -> None:
    for one in people:
        assert one.data.probabilities is not None
        assert list(one.data.probabilities) == list(OBESITY.target.classes)
        assert sum(one.data.probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert one.data.confidence == max(one.data.probabilities.values())
        assert one.data.probabilities[str(one.data.prediction)] == one.data.confidence
        assert one.data.labels == {"risk_level": RISKS[str(one.data.prediction).partition("_")[0]]}


async def test_two_domains_are_scored_side_by_side(url: str, tmp_path: Path) -> None:
    made_up_rows(OBESITY, 280).to_csv(tmp_path / "people.csv", index=False)
    table_of("housing").frame.head(200).to_csv(tmp_path / "homes.csv", index=False)
    result = await asyncio.to_thread(
        _train, "--data", str(tmp_path / "people.csv"), "--models", "extra-trees", "--force", "--reason", "made up"
    )
    assert result["is_champion"]
    predictions = await _score_tables(url, {"housing": tmp_path / "homes.csv", "obesity": tmp_path / "people.csv"})
    assert {name: len(events) for name, events in predictions.items()} == {"housing": 200, "obesity": 280}
    assert all(
        isinstance(one.data.prediction, float) and one.data.probabilities is None for one in predictions["housing"]
    )
    _check_people(predictions["obesity"])
    assert {one.data.model.version for one in predictions["obesity"]} == {result["version"]}
    assert len({one.data.prediction for one in predictions["obesity"]}) == len(OBESITY.target.classes)


@pytest.mark.skipif(not REAL.exists(), reason="needs the obesity table of UCI in ../shared/data")
async def test_the_obesity_table_gets_levels_and_risks(url: str, tmp_path: Path) -> None:
    result = await asyncio.to_thread(_train, "--data", str(REAL), "--models", "extra-trees")
    assert result["is_champion"], result["gate"]
    assert result["metrics"]["us_per_row"] <= load_settings().swap.max_us_per_row
    assert result["rows"] == 2087, "24 of the 2111 are copies"
    assert result["metrics"]["test_accuracy"] > 0.97
    table_of("housing").frame.head(50).to_csv(tmp_path / "homes.csv", index=False)
    predictions = await _score_tables(url, {"housing": tmp_path / "homes.csv", "obesity": REAL})
    assert len(predictions["obesity"]) == 2111
    _check_people(predictions["obesity"])
    risks = Counter((one.data.labels or {})["risk_level"] for one in predictions["obesity"])
    assert risks.keys() == {"low", "medium", "high"}
