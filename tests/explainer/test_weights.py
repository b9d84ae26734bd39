"""`tasador explain --global`: the weights of the features beside training, and which has moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainer.weights import compare_weights
from registry.location import tracking_uri_of
from schemas.errors import NothingReportedError
from schemas.streams import Streams
from tasador.cli.commands.explain import MOVED, explain
from tests.consumer.harness import activate
from tests.explainer.harness import Client, explaining, request_of, settings_of, write_requests
from tests.models import SmallModel, table_of
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async

COMMAND = runner_of(explain)


async def test_weights_of_late_are_compared_with_training(
    monkeypatch: pytest.MonkeyPatch,
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    tmp_path: Path,
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    monkeypatch.setenv("TASADOR_MLFLOW_URI", tracking_uri_of(small_model.settings))
    with pytest.raises(NothingReportedError, match="no model is active"):
        COMMAND.run("--global")
    activate(redis_client, streams, small_model)
    rows: Any = table_of("housing").frame.iloc[::2].to_dict("records")
    settings = settings_of(small_model, streams.prefix, tmp_path)
    async with explaining(redis_url, settings):
        write_requests(
            redis_client, streams, [request_of(small_model, f"1-{n}", row) for n, row in enumerate(rows[:40])]
        )
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
        with pytest.raises(NothingReportedError, match="40 explanations of version 1 are on the stream, 50 are needed"):
            COMMAND.run("--global")
        write_requests(redis_client, streams, [request_of(small_model, f"2-{n}", row) for n, row in enumerate(rows)])
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
        report = COMMAND.json("--global", "--last", "250")
        assert report["explanations"] == 250
        assert sum(each["current"] for each in report["features"]) == pytest.approx(1)
        assert not any(each["has_moved"] for each in report["features"])
        # homes of one size, whose price depends on other features
        same = [{**row, "RM": 6.2, "LSTAT": 12.0, "NOX": 0.5, "CRIM": 60.0} for row in rows]
        write_requests(redis_client, streams, [request_of(small_model, f"3-{n}", row) for n, row in enumerate(same)])
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
    moved = COMMAND.run("--global", "--last", "200")
    assert moved.exit_code == MOVED
    assert "moved" in moved.stdout
    assert "200 explanations of version 1 beside 100 rows of training" in moved.stdout


def test_false_alarms_are_rare_and_a_moved_weight_is_found() -> None:
    rng = np.random.default_rng(3)
    columns, alpha = [f"f{number}" for number in range(8)], np.array([8.0, 4, 2, 1, 1, 1, 0.5, 0.5])
    alarms = 0
    for _ in range(100):
        report = compare_weights(columns, rng.dirichlet(alpha, 100), rng.dirichlet(alpha, 200))
        alarms += any(each.has_moved for each in report)
    assert alarms <= 2
    shifted = rng.dirichlet(alpha + np.array([-4, 4, 0, 0, 0, 0, 0, 0]), 200)
    moved = [each.feature for each in compare_weights(columns, rng.dirichlet(alpha, 100), shifted) if each.has_moved]
    assert sorted(moved) == ["f0", "f1"]
