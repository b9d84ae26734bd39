"""Coverage of intervals and prediction sets by outcomes, and the alarm when it is lost, with its stated rates."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import redis
from scipy.stats import binom, norm

from benchmarks.intervals.alarm import outcomes_to_find, share_of_alarms
from monitoring.archive.reading import ranges_of
from monitoring.outcomes.coverage import (
    FEWEST,
    WINDOW,
    binomial_interval,
    chance_of,
    range_contribution,
)
from monitoring.outcomes.prediction_index import DAY_MS, IndexedPrediction
from registry.calibration import NumberCalibration
from schemas.streams import Streams
from tests.monitoring.outcomes.outcome_fixture import OutcomeFixture


@pytest.fixture
async def outcomes(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[OutcomeFixture]:
    fixture = OutcomeFixture(redis_client, streams, redis_url)
    yield fixture
    await fixture.close()


async def test_outcomes_within_and_beyond_their_intervals_are_counted_by_part(outcomes: OutcomeFixture) -> None:
    for number, (price, reach) in enumerate(((20.0, 2.0), (21.0, 4.0), (40.0, 6.0))):
        outcomes.add_prediction(f"l{number}", price, reach=reach, version="7" if number else "6")
        outcomes.add_outcome(f"l{number}", 22.0)
    outcomes.add_prediction("without", 20.0)
    outcomes.add_outcome("without", 22.0)
    quality = await outcomes.quality()
    assert (quality.labelled, quality.ranged, quality.width) == (4, 3, 8.0)
    assert (quality.coverage, quality.promised) == pytest.approx((2 / 3, 0.9))
    assert (quality.coverage_low, quality.coverage_high) == pytest.approx(binomial_interval(2, 3))
    assert (await outcomes.quality(part="version 6")).coverage == 1.0
    assert (await outcomes.quality(part="version 7")).coverage == 0.5
    assert (await outcomes.quality(part="CHAS 0")).ranged == 3
    value = outcomes.registry.get_sample_value("tasador_quality_coverage_ratio", {"span": "24h", "part": "all"})
    assert value == pytest.approx(2 / 3)


async def test_a_correction_takes_back_what_it_covered(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 20.0, reach=2.0)
    outcomes.add_outcome("a", 30.0)
    assert (await outcomes.quality()).coverage == 0.0
    outcomes.add_outcome("a", 21.0)
    quality = await outcomes.quality()
    assert (quality.ranged, quality.coverage, quality.width) == (1, 1.0, 4.0)


async def test_archived_predictions_keep_their_interval(outcomes: OutcomeFixture) -> None:
    outcomes.archived["\na"] = IndexedPrediction(
        "1-1", outcomes.now_ms - 3 * DAY_MS, 21.0, "6", {"CHAS": 1}, held=[20.0, 22.0], promised=0.9
    )
    outcomes.add_outcome("a", 21.5)
    assert (await outcomes.quality("7d")).coverage == 1.0
    row = {"interval_low": 20.0, "interval_high": 22.0, "candidates": None, "interval_coverage": 0.9}
    assert ranges_of(row) == {"interval": [20.0, 22.0], "coverage": 0.9}
    assert ranges_of(row | {"candidates": ["a"]}) == {"candidates": ["a"], "coverage": 0.9}
    assert ranges_of({"prediction": 21.0}) == {}, "a file of before there were intervals"


async def test_a_stream_whose_noise_doubles_loses_its_coverage(outcomes: OutcomeFixture) -> None:
    rng = np.random.default_rng(1)
    outcomes.reporter.set_calibration("7", NumberCalibration(0.9, 400, [], [-1.645], [1.645]))

    async def chance_after(count: int, noise: float, version: str = "7") -> float | None:
        for number in range(count):
            name = f"{noise} {version} {number}"
            outcomes.add_prediction(name, 20.0, reach=1.645, version=version)
            outcomes.add_outcome(name, 20.0 + noise * rng.standard_normal())
        await outcomes.reporter.process_outcomes()
        recent = (await outcomes.reporter.report()).recent_coverage
        return None if recent is None else recent.chance

    assert await chance_after(FEWEST - 1, 1.0) is None
    assert (await chance_after(WINDOW, 1.1) or 0) > 0.001
    assert (await chance_after(WINDOW, 9.0, version="8") or 0) > 0.001, "another version's outcomes do not count"
    assert (await chance_after(WINDOW, 2.0) or 1) < 1e-6
    report = await outcomes.reporter.report()
    assert report.recent_coverage is not None
    assert report.recent_coverage.is_lost
    assert (outcomes.registry.get_sample_value("tasador_recent_coverage_chance_ratio") or 1) < 1e-6
    outcomes.reporter.set_calibration("9", None)
    assert (await outcomes.reporter.report()).recent_coverage is None


def test_a_set_is_as_wide_as_its_classes() -> None:
    assert range_contribution(["a", "b"], 0.9, "b") == {"ranged": 1, "covered": 1, "width": 2, "promised": 0.9}
    assert range_contribution(["a"], 0.9, "b")["covered"] == 0
    assert range_contribution([1.0, 3.5], 0.8, 3.5) == {"ranged": 1, "covered": 1, "width": 2.5, "promised": 0.8}
    assert range_contribution(None, None, 3.5) == {}


def test_the_interval_of_a_share_holds_it_as_often_as_it_says() -> None:
    assert binomial_interval(0, 10)[0] == 0
    assert binomial_interval(10, 10)[1] == pytest.approx(1)
    covered = sum(
        binom.pmf(k, 100, 0.9) for k in range(101) if np.prod(np.subtract(binomial_interval(k, 100), 0.9)) < 0
    )
    assert covered == pytest.approx(0.95, abs=0.02)


def test_the_chance_allows_for_few_calibration_rows() -> None:
    assert chance_of(165, 200, 0.9, 10_000) == pytest.approx(binom.cdf(165, 200, 0.9), rel=0.25)
    assert chance_of(165, 200, 0.9, 100) > 5 * chance_of(165, 200, 0.9, 10_000)
    assert chance_of(200, 200, 0.9, 100) == pytest.approx(1.0)


@pytest.mark.parametrize("rows", [404, 5000])
def test_at_most_one_window_in_a_hundred_raises_a_false_alarm(rows: int) -> None:
    assert share_of_alarms(1.0, rows) <= 0.01


@pytest.mark.parametrize("rows", [404, 5000])
def test_doubled_noise_is_found_within_200_outcomes(rows: int) -> None:
    assert np.isfinite(outcomes_to_find(2.0, rows, streams=100)).mean() >= 0.95
    assert norm.cdf(1.645 / 2) * 2 - 1 == pytest.approx(0.589, abs=0.001), "of 90 % that is what is covered"
