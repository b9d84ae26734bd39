"""Goals in seconds and bytes, the search for saturation, and the duration of a run."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.page import render_page
from tasador.bench.arrivals import Latencies
from tasador.bench.drift_cost import measure_drift_costs
from tasador.bench.goals import goals_of
from tasador.bench.growth import GrowthCost
from tasador.bench.latency import LatencyStep, narrow, step_of
from tasador.bench.part import BenchPart
from tasador.bench.report import BenchReport
from tasador.bench.size import BenchSize, quick_size
from tasador.bench.start import ConsumerStart
from tasador.bench.swap import SwapLatencies
from tasador.bench.throughput import sum_up
from tests.benchmarks.test_report import MACHINE, drain

CAPACITY = 33_000


def step(rate: float, latency_ms: float = 1.0) -> LatencyStep:
    return step_of(rate, Latencies(np.full(100, latency_ms / 1000), np.zeros(100)))


def grown(backlog: int, cpu_us: float, peak_bytes: int) -> GrowthCost:
    return GrowthCost(
        backlog=backlog,
        batch=1000,
        features=13,
        events=9,
        events_per_s=9,
        cpu_us=cpu_us,
        redis_cpu_us=5,
        peak_bytes=peak_bytes,
        redis_bytes=9,
    )


def test_each_goal_shows_the_measured_value_and_whether_it_is_reached() -> None:
    report = BenchReport(
        made_at=datetime.now(UTC),
        machine=MACHINE,
        throughput=sum_up({"tasador": "tasador consumer"}, 250.0, [drain("tasador", 1, 1e5)]),
        latencies=(step(1000), step(10_000, 5.0)),
        swaps=SwapLatencies(events_per_s=10_000, swaps=3, longest=51, longest_without=8, p999=7, p999_without=6),
        starts=(ConsumerStart(first_s=2, peak_bytes=260_000_000),),
        backlogs=(grown(10_000, 5, 100_000_000), grown(10_000_000, 5.9, 120_000_000)),
        widths=(grown(10_000, 5, 10**8), grown(10_000, 30, 10**8).model_copy(update={"features": 200})),
        champion="blend",
        champion_latencies=(step(40_000, 21.0),),
        champion_starts=(ConsumerStart(first_s=1, peak_bytes=131_000_000),),
    )
    assert [(goal.measured, goal.is_reached) for goal in goals_of(report)] == [
        ("1.00 ms", False),
        ("1.00 ms", True),
        ("5.00 ms", False),
        ("5.00 ms", True),
        ("21.00 ms", False),
        ("51.00 ms", False),
        ("2.00 s", False),
        ("1.00 s", True),
        ("260 MB", False),
        ("131 MB", False),
        ("100,000/s", False),
        ("1.09", True),
        ("1.20", False),
        ("6.00", False),
        ("30.0 µs", True),
    ]
    # missed goals in seconds and bytes do not fail a run
    assert report.is_good
    page = render_page(report)
    assert "| latency at 10,000 events/s, p50 | 5.00 ms | at most 1.7 ms | not reached |" in page
    assert "p99 without the load generator's share, with the champion | 21.00 ms | at most 20 ms |" in page
    assert "| 40,000, champion | 90 |" in page
    assert "The consumer was not saturated at 10,000 events/s." in page


def test_a_report_without_parts_has_no_goals() -> None:
    assert goals_of(BenchReport(made_at=datetime.now(UTC), machine=MACHINE)) == []


def test_saturation_is_bracketed_to_within_a_quarter() -> None:
    def step_at(rate: float) -> LatencyStep:
        return step(rate, 600.0 if rate > CAPACITY else 1.0)

    measured = [step_at(rate) for rate in (10_000, 20_000, 80_000)]
    steps = [*measured, *narrow(measured, step_at)]
    sustained = max(each.events_per_s for each in steps if not each.is_saturated)
    saturated = min(each.events_per_s for each in steps if each.is_saturated)
    assert sustained <= CAPACITY < saturated <= 1.25 * sustained
    assert len(steps) <= 6
    assert list(narrow(measured[:2], step_at)) == []


def test_a_drift_report_has_a_cost_in_time_and_memory() -> None:
    small, large = measure_drift_costs([(100, 200), (10_000, 200)], len)
    assert (large.rows, large.reference_rows) == (10_000, 200)
    assert min(small.cpu_s, large.cpu_s) > 0
    assert 0 < small.more_bytes < large.more_bytes


def test_a_run_estimates_its_duration() -> None:
    parts = list(BenchPart)
    assert BenchSize(200_000, 5).minutes(parts) == pytest.approx(35)
    assert BenchSize(200_000, 5).minutes(parts, has_champion=True) == pytest.approx(52.5)
    assert BenchSize(200_000, 10).minutes(parts) > BenchSize(200_000, 5).minutes(parts)
    assert quick_size(200_000, 3).minutes(parts) < 12
