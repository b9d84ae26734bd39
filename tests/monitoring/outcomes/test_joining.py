"""Outcomes meet predictions on a real Redis: in either order, corrected, repeated, orphaned, and across crashes."""

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
async def market(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[OutcomeFixture]:
    market = OutcomeFixture(redis_client, streams, redis_url)
    yield market
    await market.close()


async def test_an_outcome_after_its_prediction_and_one_before_count_the_same(market: OutcomeFixture) -> None:
    market.predict("a", 24.0)
    market.sell("a", 21.0)
    market.sell("b", 30.0)
    assert (await market.quality()).labelled == 1
    assert market.client.hlen(market.streams.outcomes_waiting) == 1
    market.predict("b", 31.0)
    quality = await market.quality()
    assert (quality.labelled, quality.predictions, quality.mae, quality.bias) == (2, 2, 2.0, 2.0)
    assert market.client.hlen(market.streams.outcomes_waiting) == 0
    assert (market.count("joined"), market.count("waiting")) == (2, 1)


async def test_a_correction_replaces_and_a_repeat_changes_nothing(market: OutcomeFixture) -> None:
    market.predict("a", 24.0)
    market.sell("a", 34.0)
    assert (await market.quality()).far_share == 1
    market.sell("a", 25.0)
    market.sell("a", 25.0)
    quality = await market.quality()
    assert (quality.labelled, quality.mae, quality.far_share) == (1, 1.0, 0)
    assert (market.count("joined"), market.count("corrected"), market.count("repeated")) == (1, 1, 1)


async def test_the_last_of_several_outcomes_that_wait_wins(market: OutcomeFixture) -> None:
    market.sell("a", 10.0)
    market.sell("a", 20.0)
    await market.watch.work()
    market.predict("a", 21.0)
    assert (await market.quality()).mae == 1


async def test_what_an_outcome_says_of_another_source_is_not_this_ones(market: OutcomeFixture) -> None:
    market.predict("a", 24.0)
    event = Outcome(id="o", data=OutcomeData(listing_id="a", listing_source="/agency/1", outcome=30.0))
    market.client.xadd(market.streams.outcomes, {"data": event.model_dump_json()})
    assert (await market.quality()).labelled == 0


async def test_spans_go_by_the_time_of_prediction_and_an_older_one_is_found_elsewhere(market: OutcomeFixture) -> None:
    for number, (days, price) in enumerate(((0, 21.0), (3, 22.0), (10, 23.0))):
        market.older[f"\nl{number}"] = IndexedPrediction(
            f"{number}-1", market.now_ms - days * DAY_MS, price, "6", {"CHAS": 1, "RAD": 5}
        )
        market.sell(f"l{number}", 20.0)
    await market.watch.work()
    report = await market.watch.report()
    spans = {span: report.quality(span).labelled for span in report.spans}
    assert spans == {"24h": 1, "7d": 2, "30d": 3}
    assert report.quality("30d", "version 6").mae == pytest.approx(2)
    assert report.quality("30d", "RAD 5").labelled == 3


async def test_parts_follow_from_the_listing(market: OutcomeFixture) -> None:
    market.watch.set_cuts({"LSTAT": [5.0, 10.0]})
    market.predict("a", 24.0)
    market.sell("a", 21.0)
    await market.watch.work()
    parts = {one.part for one in (await market.watch.report()).spans["24h"]}
    assert parts == {"all", "version 7", "CHAS 0", "RAD 1", "LSTAT 1 of 3"}


async def test_how_fast_answers_were_is_counted_for_all(market: OutcomeFixture) -> None:
    market.predict("a", 24.0, took_ms=201)
    market.predict("b", 24.0, took_ms=200)
    quality = await market.quality()
    assert (quality.predictions, quality.fast_share, quality.labelled_share, quality.mae) == (2, 0.5, 0, None)


async def test_predictions_older_than_the_index_are_counted_and_not_indexed(market: OutcomeFixture) -> None:
    market.predict("a", 24.0, ago_ms=30 * HOUR_MS)
    assert (await market.quality("7d")).predictions == 1
    assert not list(market.client.scan_iter(f"{market.streams.prefix}:outcomes:recent:*"))


async def test_what_is_no_outcome_is_counted_and_acknowledged(market: OutcomeFixture) -> None:
    market.client.xadd(market.streams.outcomes, {"data": "{"})
    market.client.xadd(market.streams.outcomes, {"other": "x"})
    market.sell("a", "cheap")
    await market.watch.work()
    assert market.count("invalid") == 3
    assert market.client.xpending(market.streams.outcomes, MONITORS)["pending"] == 0


async def test_an_outcome_whose_prediction_never_comes_is_an_orphan(market: OutcomeFixture) -> None:
    market.client.xadd(
        market.streams.outcomes,
        {"data": Outcome(id="o", data=OutcomeData(listing_id="ghost", outcome=1.0)).model_dump_json()},
        id=f"{market.now_ms - 49 * HOUR_MS}-0",
    )
    market.sell("a", 20.0)
    await market.watch.work()
    report = await market.watch.report()
    assert (report.waiting, report.orphaned) == (2, 1)
    assert market.registry.get_sample_value("tasador_outcomes_orphaned_rows") == 1


async def test_a_crash_at_any_write_counts_nothing_twice(
    market: OutcomeFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, crashes, calls = commit_all, 0, 0

    async def crash(client: Any, batch: Any) -> list[bool]:
        nonlocal crashes, calls
        calls += 1
        # lost before it was sent, and lost with its reply, in turns
        if calls % 3 == 1:
            crashes += 1
            raise redis.exceptions.ConnectionError("lost before")
        done = await commit(client, batch)
        if calls % 3 == 2:
            crashes += 1
            raise redis.exceptions.ConnectionError("lost after")
        return done

    monkeypatch.setattr("monitoring.outcomes.guarded_writes.commit_all", crash)
    monkeypatch.setattr("monitoring.outcomes.joining.commit_all", crash)
    market.settings = market.settings.model_copy(update={"claim_idle_ms": 0})
    for number in range(5):
        market.predict(f"a{number}", 24.0)
        market.sell(f"a{number}", 22.0)
        for attempt in range(10):
            try:
                await market.monitor(f"m{attempt % 2}").work()
            except redis.exceptions.ConnectionError:
                continue
            break
    assert crashes > 3
    monkeypatch.undo()
    quality = await market.quality()
    assert (quality.predictions, quality.labelled, quality.mae) == (5, 5, 2.0)
    assert market.client.xpending(market.streams.outcomes, MONITORS)["pending"] == 0


async def test_a_report_is_published_when_it_says_something_new(market: OutcomeFixture) -> None:
    market.predict("a", 24.0)
    market.sell("a", 21.0)
    await market.quality()
    await market.quality()
    entries = market.client.xrange(market.streams.drift)
    (event,) = [QualityEvent.model_validate_json(fields[DATA_FIELD]) for _, fields in entries]
    assert event.data.quality("30d").rmse == 3
    labels = {"span": "24h", "part": "all"}
    assert market.registry.get_sample_value("tasador_quality_mae", labels) == 3


async def test_errors_that_grow_are_in_the_report_of_whoever_asks(market: OutcomeFixture) -> None:
    for number in range(400):
        market.predict(f"a{number}", 20.0)
        market.sell(f"a{number}", 20.0 + (1.0 + number % 3 if number < 300 else 9.0 + number % 3))
    await market.watch.work()
    report = await market.monitor("another").report()
    assert report.sudden_loss is not None
    assert report.sudden_loss.before < 3 < report.sudden_loss.after


async def test_old_outcomes_that_all_are_done_with_are_dropped(market: OutcomeFixture) -> None:
    old = Outcome(id="o", data=OutcomeData(listing_id="a", outcome=1.0)).model_dump_json()
    market.client.xadd(market.streams.outcomes, {"data": old}, id=f"{market.now_ms - 8 * DAY_MS}-0")
    market.sell("b", 20.0)
    market.client.xgroup_create(market.streams.outcomes, "slow", id="0")
    await market.watch.work()
    assert market.client.xlen(market.streams.outcomes) == 2
    market.client.xgroup_destroy(market.streams.outcomes, "slow")
    await market.monitor("m2").work()
    assert market.client.xlen(market.streams.outcomes) == 1
