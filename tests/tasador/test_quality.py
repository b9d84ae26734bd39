"""`tasador quality`: the newest quality report, as tables and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import redis

from schemas.errors import NothingReportedError
from schemas.quality import Quality, QualityEvent, QualityReport, RecentCoverage, SuddenLoss
from schemas.streams import DATA_FIELD, Streams
from tasador.cli.commands.quality import quality
from tests.tasador.command import runner_of, use_redis

COMMAND = runner_of(quality)
WHOLE = Quality(
    part="all",
    predictions=1200,
    labelled=300,
    labelled_share=0.25,
    fast_share=0.998,
    mae=2.344,
    bias=-0.5,
    far_share=0.1,
)
LOSS = SuddenLoss(time=datetime(2026, 11, 21, 8, tzinfo=UTC), before=1.9, after=5.2)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, streams: Streams) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)


def write(client: redis.Redis, streams: Streams, report: QualityReport) -> None:
    event = QualityEvent(source="a test", data=report)
    client.xadd(streams.drift, {DATA_FIELD: event.model_dump_json(exclude_none=True)})


def test_the_newest_report_is_shown(redis_client: redis.Redis, streams: Streams) -> None:
    by_river = Quality(part="CHAS 1", labelled=12, mae=4.1)
    spans = {"24h": (WHOLE, by_river), "7d": (WHOLE,), "30d": (WHOLE,)}
    write(redis_client, streams, QualityReport(domain="housing", spans=spans, waiting=0, orphaned=0))
    write(redis_client, streams, QualityReport(domain="housing", spans=spans, waiting=7, orphaned=2, sudden_loss=LOSS))
    redis_client.xadd(streams.drift, {DATA_FIELD: '{"type": "drift.reported"}'})
    text = COMMAND.text()
    head, day, *_ = (line.split() for line in text.splitlines() if line.startswith(("SPAN", "24h", "CHAS")))
    assert head == ["SPAN", "PREDICTED", "LABELLED", "(%)", "MAE", "BIAS", "FAR", "OFF", "(%)", "FAST", "(%)"]
    assert day == ["24h", "1,200", "300", "25", "2.34", "-0.50", "10.0", "99.8"]
    assert "CHAS 1" in text
    assert "CHAS 1" not in COMMAND.text("--span", "7d")
    assert "7 outcomes wait for their prediction; 2 of them are orphans" in text
    assert "1.9 before, 5.2 after" in text
    document = COMMAND.json()
    assert (document["waiting"], document["spans"]["24h"][1]["part"]) == (7, "CHAS 1")


def test_coverage_is_shown_with_its_interval_and_a_lost_one_is_said(
    redis_client: redis.Redis, streams: Streams
) -> None:
    ranges = {"ranged": 300, "coverage": 0.8, "coverage_low": 0.751, "coverage_high": 0.841, "promised": 0.9}
    whole = WHOLE.model_copy(update=ranges | {"width": 8.5})
    spans = {"24h": (whole,), "7d": (whole,), "30d": (whole,)}
    lost = RecentCoverage(version="7", outcomes=200, covered=150, promised=0.9, chance=2e-7)
    for recent in (lost.model_copy(update={"chance": 0.2}), lost):
        report = QualityReport(domain="housing", spans=spans, waiting=0, orphaned=0, recent_coverage=recent)
        write(redis_client, streams, report)
        text = COMMAND.text()
        assert all(each in text for each in ("COVERED (%)", "80.0", "75.1", "84.1", "WIDTH", "8.5"))
        assert "MAE, RMSE, BIAS and WIDTH are in" in text
        assert "version 7 covers 150 of the latest 200 outcomes and promises 0.9" in text
        assert ("the promise no longer holds (chance 2e-07)" in text) == (recent is lost)
    assert COMMAND.json()["recent_coverage"]["covered"] == 150


def test_a_classification_has_figures_of_classes(redis_client: redis.Redis, streams: Streams) -> None:
    whole = Quality(part="all", predictions=9, labelled=9, accuracy=0.91, macro_f1=0.9)
    spans = {"24h": (whole,), "7d": (whole,), "30d": (whole,)}
    write(redis_client, streams, QualityReport(domain="obesity", spans=spans, waiting=0, orphaned=0))
    text = COMMAND.text()
    assert "ACCURACY" in text
    assert "MAE" not in text


def test_without_a_report_the_error_names_the_monitor() -> None:
    with pytest.raises(NothingReportedError, match="no quality report yet: `tasador monitor` writes them"):
        COMMAND.run()
