"""What is asked for in seconds and bytes is reached or not, and where a consumer saturates is found."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from benchmarks.drift_cost import measure_drift_costs
from benchmarks.goals import goals_of
from benchmarks.growth import Growth
from benchmarks.latency import LatencyStep, narrow, step_of
from benchmarks.page import render_page
from benchmarks.part import BenchPart
from benchmarks.report import BenchReport
from benchmarks.size import Size, quick
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import sum_up
from tests.benchmarks.test_report import MACHINE, drain

CAPACITY = 33_000


def step(rate: float, waited_ms: float = 1.0) -> LatencyStep:
    return step_of(rate, np.full(100, waited_ms / 1000))


def grown(backlog: int, cpu_us: float, peak_bytes: int) -> Growth:
    return Growth(
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


def test_each_goal_says_what_was_found_and_whether_that_is_enough() -> None:
    report = BenchReport(
        made_at=datetime.now(UTC),
        machine=MACHINE,
        throughput=sum_up({"tasador": "tasador consumer"}, 250.0, [drain("tasador", 1, 1e5)]),
        latencies=(step(1000), step(10_000, 5.0)),
        swaps=Swaps(events_per_s=10_000, swaps=3, longest=51, longest_without=8, p999=7, p999_without=6),
        starts=(Start(first_s=2, peak_bytes=260_000_000),),
        backlogs=(grown(10_000, 5, 100_000_000), grown(10_000_000, 5.9, 120_000_000)),
    )
    assert [(goal.found, goal.is_reached) for goal in goals_of(report)] == [
        ("1.00 ms", True),
        ("1.00 ms", True),
        ("5.00 ms", False),
        ("5.00 ms", True),
        ("51.00 ms", False),
        ("2.00 s", True),
        ("260 MB", False),
        ("100,000/s", False),
        ("1.09", True),
        ("1.20", False),
    ]
    # the machine's times are not ours alone
    assert report.is_good
    page = render_page(report)
    assert "| latency at 10,000 events/s, p50 | 5.00 ms | at most 2 ms | not reached |" in page
    assert "At 10,000 events/s the consumer was not saturated yet." in page


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert goals_of(BenchReport(made_at=datetime.now(UTC), machine=MACHINE)) == []


def test_saturation_is_found_to_a_quarter() -> None:
    def step_at(rate: float) -> LatencyStep:
        return step(rate, 600.0 if rate > CAPACITY else 1.0)

    known = [step_at(rate) for rate in (10_000, 20_000, 80_000)]
    steps = [*known, *narrow(known, step_at)]
    kept_up = max(each.events_per_s for each in steps if not each.is_saturated)
    too_much = min(each.events_per_s for each in steps if each.is_saturated)
    assert kept_up <= CAPACITY < too_much <= 1.25 * kept_up
    assert len(steps) <= 6
    assert list(narrow(known[:2], step_at)) == []


def test_a_report_on_drift_costs_time_and_memory() -> None:
    small, large = measure_drift_costs([(100, 200), (10_000, 200)], len)
    assert (large.rows, large.reference_rows) == (10_000, 200)
    assert min(small.cpu_s, large.cpu_s) > 0
    assert 0 < small.more_bytes < large.more_bytes


def test_a_run_says_how_long_it_takes() -> None:
    everything = list(BenchPart)
    assert Size(200_000, 5).minutes(everything) == pytest.approx(31)
    assert Size(200_000, 10).minutes(everything) > Size(200_000, 5).minutes(everything)
    assert quick(200_000, 3).minutes(everything) < 10
