"""Outcomes are joined with predictions in either order, corrected, repeated or orphaned, and across crashes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from monitoring.outcomes.guarded_writes import commit_all
from monitoring.outcomes.prediction_index import DAY_MS, HOUR_MS, IndexedPrediction
from schemas.events import Outcome, OutcomeData
from schemas.quality import QualityEvent
from schemas.streams import DATA_FIELD, MONITORS, Streams
from tests.monitoring.outcomes.outcome_fixture import OutcomeFixture


@pytest.fixture
async def outcomes(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[OutcomeFixture]:
    fixture = OutcomeFixture(redis_client, streams, redis_url)
    yield fixture
    await fixture.close()


async def test_an_outcome_after_its_prediction_and_one_before_count_the_same(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0)
    outcomes.add_outcome("a", 21.0)
    outcomes.add_outcome("b", 30.0)
    assert (await outcomes.quality()).labelled == 1
    assert outcomes.client.hlen(outcomes.streams.pending_outcomes) == 1
    outcomes.add_prediction("b", 31.0)
    quality = await outcomes.quality()
    assert (quality.labelled, quality.predictions, quality.mae, quality.bias) == (2, 2, 2.0, 2.0)
    assert outcomes.client.hlen(outcomes.streams.pending_outcomes) == 0
    assert (outcomes.count("joined"), outcomes.count("waiting")) == (2, 1)


async def test_a_correction_replaces_and_a_repeat_changes_nothing(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0)
    outcomes.add_outcome("a", 34.0)
    assert (await outcomes.quality()).far_share == 1
    outcomes.add_outcome("a", 25.0)
    outcomes.add_outcome("a", 25.0)
    quality = await outcomes.quality()
    assert (quality.labelled, quality.mae, quality.far_share) == (1, 1.0, 0)
    assert (outcomes.count("joined"), outcomes.count("corrected"), outcomes.count("repeated")) == (1, 1, 1)


async def test_the_last_of_several_outcomes_that_wait_wins(outcomes: OutcomeFixture) -> None:
    outcomes.add_outcome("a", 10.0)
    outcomes.add_outcome("a", 20.0)
    await outcomes.reporter.process_outcomes()
    outcomes.add_prediction("a", 21.0)
    assert (await outcomes.quality()).mae == 1


async def test_an_outcome_of_another_source_is_not_joined(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0)
    event = Outcome(id="o", data=OutcomeData(listing_id="a", listing_source="/agency/1", outcome=30.0))
    outcomes.client.xadd(outcomes.streams.outcomes, {"data": event.model_dump_json()})
    assert (await outcomes.quality()).labelled == 0


async def test_spans_go_by_the_time_of_prediction_also_of_archived_ones(outcomes: OutcomeFixture) -> None:
    for number, (days, price) in enumerate(((0, 21.0), (3, 22.0), (10, 23.0))):
        outcomes.archived[f"\nl{number}"] = IndexedPrediction(
            f"{number}-1", outcomes.now_ms - days * DAY_MS, price, "6", {"CHAS": 1, "RAD": 5}
        )
        outcomes.add_outcome(f"l{number}", 20.0)
    await outcomes.reporter.process_outcomes()
    report = await outcomes.reporter.report()
    spans = {span: report.quality(span).labelled for span in report.spans}
    assert spans == {"24h": 1, "7d": 2, "30d": 3}
    assert report.quality("30d", "version 6").mae == pytest.approx(2)
    assert report.quality("30d", "RAD 5").labelled == 3


async def test_an_outcome_counts_in_the_parts_of_its_listing(outcomes: OutcomeFixture) -> None:
    outcomes.reporter.set_cut_points({"LSTAT": [5.0, 10.0]})
    outcomes.add_prediction("a", 24.0)
    outcomes.add_outcome("a", 21.0)
    await outcomes.reporter.process_outcomes()
    parts = {quality.part for quality in (await outcomes.reporter.report()).spans["24h"]}
    assert parts == {"all", "version 7", "CHAS 0", "RAD 1", "LSTAT 1 of 3"}


async def test_fast_answers_are_counted_without_outcomes(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0, took_ms=201)
    outcomes.add_prediction("b", 24.0, took_ms=200)
    quality = await outcomes.quality()
    assert (quality.predictions, quality.fast_share, quality.labelled_share, quality.mae) == (2, 0.5, 0, None)


async def test_predictions_older_than_the_index_are_counted_and_not_indexed(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0, ago_ms=30 * HOUR_MS)
    assert (await outcomes.quality("7d")).predictions == 1
    assert not list(outcomes.client.scan_iter(f"{outcomes.streams.prefix}:outcomes:recent:*"))


async def test_invalid_outcomes_are_counted_and_acknowledged(outcomes: OutcomeFixture) -> None:
    outcomes.client.xadd(outcomes.streams.outcomes, {"data": "{"})
    outcomes.client.xadd(outcomes.streams.outcomes, {"other": "x"})
    outcomes.add_outcome("a", "cheap")
    await outcomes.reporter.process_outcomes()
    assert outcomes.count("invalid") == 3
    assert outcomes.client.xpending(outcomes.streams.outcomes, MONITORS)["pending"] == 0


async def test_an_outcome_whose_prediction_never_comes_is_an_orphan(outcomes: OutcomeFixture) -> None:
    outcomes.client.xadd(
        outcomes.streams.outcomes,
        {"data": Outcome(id="o", data=OutcomeData(listing_id="ghost", outcome=1.0)).model_dump_json()},
        id=f"{outcomes.now_ms - 49 * HOUR_MS}-0",
    )
    outcomes.add_outcome("a", 20.0)
    await outcomes.reporter.process_outcomes()
    report = await outcomes.reporter.report()
    assert (report.waiting, report.orphaned) == (2, 1)
    assert outcomes.registry.get_sample_value("tasador_outcomes_orphaned_rows") == 1


async def test_a_crash_at_any_write_counts_nothing_twice(
    outcomes: OutcomeFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, crashes, calls = commit_all, 0, 0

    async def crash(client: Any, batch: Any) -> list[bool]:
        nonlocal crashes, calls
        calls += 1
        # fail before sending and after sending, in turns
        if calls % 3 == 1:
            crashes += 1
            raise redis.exceptions.ConnectionError("before sending")
        written = await commit(client, batch)
        if calls % 3 == 2:
            crashes += 1
            raise redis.exceptions.ConnectionError("after sending")
        return written

    monkeypatch.setattr("monitoring.outcomes.guarded_writes.commit_all", crash)
    monkeypatch.setattr("monitoring.outcomes.joining.commit_all", crash)
    outcomes.settings = outcomes.settings.model_copy(update={"claim_idle_ms": 0})
    for number in range(5):
        outcomes.add_prediction(f"a{number}", 24.0)
        outcomes.add_outcome(f"a{number}", 22.0)
        for attempt in range(10):
            try:
                await outcomes.new_reporter(f"m{attempt % 2}").process_outcomes()
            except redis.exceptions.ConnectionError:
                continue
            break
    assert crashes > 3
    monkeypatch.undo()
    quality = await outcomes.quality()
    assert (quality.predictions, quality.labelled, quality.mae) == (5, 5, 2.0)
    assert outcomes.client.xpending(outcomes.streams.outcomes, MONITORS)["pending"] == 0


async def test_a_report_is_published_only_when_it_has_changed(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 24.0)
    outcomes.add_outcome("a", 21.0)
    await outcomes.quality()
    await outcomes.quality()
    entries = outcomes.client.xrange(outcomes.streams.drift)
    (event,) = [QualityEvent.model_validate_json(fields[DATA_FIELD]) for _, fields in entries]
    assert event.data.quality("30d").rmse == 3
    labels = {"span": "24h", "part": "all"}
    assert outcomes.registry.get_sample_value("tasador_quality_mae", labels) == 3


async def test_a_sudden_loss_is_in_the_report_of_every_monitor(outcomes: OutcomeFixture) -> None:
    for number in range(400):
        outcomes.add_prediction(f"a{number}", 20.0)
        outcomes.add_outcome(f"a{number}", 20.0 + (1.0 + number % 3 if number < 300 else 9.0 + number % 3))
    await outcomes.reporter.process_outcomes()
    report = await outcomes.new_reporter("another").report()
    assert report.sudden_loss is not None
    assert report.sudden_loss.before < 3 < report.sudden_loss.after


async def test_old_outcomes_are_deleted_once_every_group_has_processed_them(outcomes: OutcomeFixture) -> None:
    old = Outcome(id="o", data=OutcomeData(listing_id="a", outcome=1.0)).model_dump_json()
    outcomes.client.xadd(outcomes.streams.outcomes, {"data": old}, id=f"{outcomes.now_ms - 8 * DAY_MS}-0")
    outcomes.add_outcome("b", 20.0)
    outcomes.client.xgroup_create(outcomes.streams.outcomes, "slow", id="0")
    await outcomes.reporter.process_outcomes()
    assert outcomes.client.xlen(outcomes.streams.outcomes) == 2
    outcomes.client.xgroup_destroy(outcomes.streams.outcomes, "slow")
    await outcomes.new_reporter("m2").process_outcomes()
    assert outcomes.client.xlen(outcomes.streams.outcomes) == 1
