"""The monitor on a real Redis: its drift reports, and its health when it cannot check for drift."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import redis

from registry.calibration import NumberCalibration
from schemas.domain import load_domain
from schemas.drift import DriftReport
from schemas.errors import NothingReportedError, RegistryUnavailableError
from schemas.states import DesiredModel, MonitorHeartbeat
from schemas.streams import Streams
from tasador.cli.commands.drift import drift
from tests.models import made_up_rows
from tests.monitoring.monitor.watched import HOUSING, Window, boston_table, get, settings_for, wait_for_answer, watching
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async

TABLE = boston_table()


@pytest.fixture
def window(redis_client: redis.Redis, streams: Streams) -> Window:
    return Window(redis_client, streams)


def _sample(rows: int, seed: int = 1, **shifts: float) -> pd.DataFrame:
    table = TABLE.sample(rows, replace=True, random_state=seed)
    return table.assign(**{name: table[name] + shift for name, shift in shifts.items()})


async def _watch(window: Window, redis_url: str, prefix: str) -> DriftReport:
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE):
        return await window.report()


async def test_rows_like_the_reference_do_not_drift(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    rows = _sample(3000)
    window.write(rows)
    report = await _watch(window, redis_url, prefix)
    assert (report.verdict, [span.rows for span in report.windows]) == ("no_drift", [1000] * 3)
    assert (report.windows[0].last, report.windows[2].first) == ("3000-0", "1-0")
    assert [column.name for column in report.columns] == [*HOUSING.columns, "prediction"]
    assert report.scored == 3000
    assert report.mean_prediction == pytest.approx(rows["prediction"].mean())
    assert report.model is not None
    assert (report.model.version, report.domain, report.reference_rows) == ("7", "housing", 506)


async def test_values_that_many_rows_share_do_not_drift_by_rounding(
    window: Window, redis_url: str, prefix: str
) -> None:
    window.activate()
    for _ in range(6):
        window.write(TABLE)
    report = await _watch(window, redis_url, prefix)
    assert max(column.ks or 0 for column in report.columns if column.role == "feature") < 0.05
    assert np.float64(np.float32(20.2)) != 20.2, "without rounding they would differ"


async def test_a_shift_that_lasts_two_windows_is_drift(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    window.write(_sample(2000, 1))
    window.write(_sample(1000, 2, RM=0.21))
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE):
        assert (await window.report()).verdict == "no_drift"
        window.write(_sample(1000, 3, RM=0.21))
        report = await wait_until_async(lambda: window.reports()[-1] if window.reports()[-1].drifted else None)
    assert report is not None
    shifted = next(column for column in report.columns if column.name == "RM")
    assert (report.drifted, shifted.alarms) == (("RM",), (True, True, False))


async def test_few_rows_are_cut_into_smaller_windows_and_too_few_are_not_enough(
    window: Window, redis_url: str, prefix: str
) -> None:
    window.activate()
    window.write(_sample(150))
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE):
        first = await window.report()
        window.write(_sample(550, 2))
        last = await wait_until_async(lambda: window.reports()[-1] if len(window.reports()[-1].windows) == 3 else None)
    assert (first.verdict, [span.rows for span in first.windows]) == ("not_enough_rows", [150])
    assert last is not None
    assert (last.verdict, [span.rows for span in last.windows]) == ("no_drift", [233] * 3)


async def test_an_empty_window_has_not_enough_rows(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    report = await _watch(window, redis_url, prefix)
    assert (report.verdict, report.windows, report.scored, report.mean_prediction) == ("not_enough_rows", (), 0, None)


async def test_predictions_of_another_model_are_not_compared(window: Window, redis_url: str, prefix: str) -> None:
    window.activate("2-0", "8")
    window.write(_sample(1500, 1, prediction=20), activation="1-0")
    window.write(_sample(1500, 2), activation="2-0")
    report = await _watch(window, redis_url, prefix)
    predictions = report.columns[-1]
    assert (report.drifted, predictions.role, predictions.rows) == ((), "prediction", 1000)
    assert predictions.alarms == (False, False, None)


async def test_rows_with_other_columns_are_skipped_and_counted(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    window.write(_sample(3000))
    window.write(_sample(200), layout="an older one")
    report = await _watch(window, redis_url, prefix)
    assert (report.verdict, report.skipped_entries, report.scored) == ("no_drift", 2, 3000)


async def test_a_new_report_needs_new_rows_or_a_new_model(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    window.write(_sample(3000))
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE) as app:
        await window.report()

        await wait_for_answer(app, "/metrics", 'looks_total{result="unchanged"} 3.0')
        assert len(window.reports()) == 1
        window.activate("9-0", "8")
        report = await window.report(2)
    assert report.model is not None
    assert (report.model.version, report.columns[-1].verdict) == ("8", "not_enough_rows")


async def test_without_a_model_or_its_reference_the_state_is_unknown(
    window: Window, redis_client: Any, redis_url: str, prefix: str
) -> None:
    window.write(_sample(3000))
    is_away = True

    def load(_: DesiredModel) -> pd.DataFrame:
        if is_away:
            raise RegistryUnavailableError("MLflow does not answer")
        return TABLE

    async with watching(settings_for(redis_url, prefix), load) as app:
        await wait_for_answer(app, "/readyz", "no model has been activated")
        beats = await wait_until_async(lambda: redis_client.hgetall(Streams(prefix).monitors))
        assert MonitorHeartbeat.model_validate_json(beats[b"m1"]).name == "m1"
        window.activate()
        await wait_for_answer(app, "/readyz", "MLflow does not answer")
        assert 'tasador_drift_state{verdict="unknown"} 1.0' in (await get(app, "/metrics"))[1]
        assert not window.reports()
        is_away = False
        await wait_for_answer(app, "/metrics", 'tasador_drift_state{verdict="no_drift"} 1.0')
        metrics = (await get(app, "/metrics"))[1]
        assert 'tasador_drift_verdict{column="RM",verdict="no_drift"} 1.0' in metrics
        assert 'tasador_drift_score_ratio{column="RM",measure="wasserstein_sd"}' in metrics
        assert "tasador_drift_window_rows 1000.0" in metrics
        pause: dict[Any, Any] = {"time": "2026-11-20T12:00:00Z", "actor": "ada", "command_id": "c-1"}
        redis_client.hset(Streams(prefix).loop, mapping=pause)
        await wait_for_answer(app, "/metrics", "tasador_loop_paused 1.0")
    assert not redis_client.exists(Streams(prefix).monitors), "it has left"


async def test_a_reference_with_other_columns_is_refused(window: Window, redis_url: str, prefix: str) -> None:
    window.activate()
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE.drop(columns="RM")) as app:
        await wait_for_answer(app, "/readyz", "the reference of version 7 does not fit housing")
    assert not window.reports()


async def test_categories_and_classes_are_compared_by_their_shares(
    redis_client: redis.Redis, streams: Streams, redis_url: str, prefix: str
) -> None:
    domain = load_domain("obesity")
    table = made_up_rows(domain, 3000).sample(3000, random_state=1)
    table["prediction"] = table[domain.target.name]
    window = Window(redis_client, streams, domain)
    window.activate()
    window.write(table.assign(MTRANS="Bike"))
    async with watching(settings_for(redis_url, prefix, "obesity"), lambda _: table):
        report = await window.report()
    assert report.drifted == ("MTRANS",)
    assert report.columns[-1].kind == "category"
    assert (report.columns[-1].js or 0) < 0.1


async def test_outcomes_are_compared_with_the_target_of_the_reference(
    window: Window, redis_client: redis.Redis, streams: Streams, redis_url: str, prefix: str
) -> None:
    window.activate()
    window.write(_sample(3000))
    for price in _sample(600, 5)["MEDV"] + 10:
        redis_client.lpush(streams.outcome_errors, f"1000:0.5:{price}")
    report = await _watch(window, redis_url, prefix)
    outcome = report.columns[-1]
    assert (outcome.role, outcome.verdict, outcome.alarms) == ("outcome", "drift", (True, True, True))
    assert outcome.reference_mean == pytest.approx(TABLE["MEDV"].mean())


async def test_lost_coverage_of_the_active_version_is_a_metric(
    window: Window, redis_client: redis.Redis, streams: Streams, redis_url: str, prefix: str
) -> None:
    window.activate()
    window.write(_sample(3000))
    for number in range(100):
        redis_client.lpush(streams.outcome_coverage, f"{int(number % 2 == 0)}:7", "1:6")
    calibration = NumberCalibration(0.9, 404, [], [-1.0], [1.0])
    async with watching(settings_for(redis_url, prefix), lambda _: TABLE, calibration) as app:
        await wait_for_answer(app, "/metrics", "tasador_recent_coverage_ratio 0.5")
        _, metrics = await get(app, "/metrics")
    chance = re.search(r"^tasador_recent_coverage_chance_ratio (.+)$", metrics, flags=re.MULTILINE)
    assert chance is not None
    assert float(chance[1]) < 1e-9


async def test_the_command_shows_the_newest_report(
    window: Window, redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    command = runner_of(drift)
    with pytest.raises(NothingReportedError, match="no drift report yet"):
        command.run()
    window.activate()
    window.write(_sample(3000, 1, RM=2))
    await _watch(window, redis_url, prefix)
    text = command.text()
    assert "as of 20" in text
    assert "1,000 + 1,000 + 1,000 rows against 506 of version 7" in text
    assert "! ! !" in text
    assert command.json()["verdict"] == "drift"
    assert json.dumps(command.json())
