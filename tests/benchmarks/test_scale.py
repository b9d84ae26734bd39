"""Growth on paper and the simulated day: they follow the measured costs, and the page says what they give."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scale.__main__ import FEATURES, PAGE, SEED, simulate_days, write_tables
from benchmarks.scale.autoscalers import Fixed
from benchmarks.scale.costs import BATCH, Costs, read_costs
from benchmarks.scale.day import DAY_S, SPIKE, STALL, Day, simulate_day
from benchmarks.scale.growth import RATES, WAITING_BYTES, plan
from benchmarks.scale.plot import plot_days
from schemas.errors import DataError

DOCS = Path(__file__).parents[2] / "docs"
COSTS = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def days() -> dict[str, Day]:
    return {day.name: day for day in simulate_days(COSTS, SEED)}


@pytest.fixture(scope="module")
def costs() -> Costs:
    return read_costs(COSTS, FEATURES)


def test_the_page_has_the_tables_that_the_simulation_gives(days: dict[str, Day]) -> None:
    page = (DOCS / "scale.md").read_text(encoding="utf-8")
    tables = "\n".join(write_tables(COSTS, list(days.values()))).split("\n\n")
    assert [table for table in tables if table not in page] == [], (
        "run make sim-scale, and put its tables into the page"
    )


def test_the_plot_is_the_same_for_the_same_day(days: dict[str, Day], tmp_path: Path) -> None:
    for name in ("once", "again"):
        plot_days(list(days.values()), tmp_path / name)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()


def test_the_line_of_costs_passes_near_the_sizes_that_it_was_not_made_from() -> None:
    costs = read_costs(COSTS)
    for size, consumer_us, redis_us in ((10, 44.0, 18.1), (100, 7.5, 5.9)):
        assert f"| {size} |" in COSTS
        assert costs.consumer.of_event(size) * 1e6 == pytest.approx(consumer_us, rel=0.2)
        assert costs.redis.of_event(size) * 1e6 == pytest.approx(redis_us, rel=0.2)


def test_a_page_without_the_figures_is_refused() -> None:
    with pytest.raises(DataError, match="no figures"):
        read_costs("# Benchmarks\n")


def test_batches_grow_with_the_rate_up_to_the_largest(costs: Costs) -> None:
    sizes = [costs.batch_of(rate) for rate in (10, 1_000, 5_000, 10_000, 1_000_000)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (1, BATCH)


def test_a_waiting_listing_takes_what_the_runbook_says() -> None:
    assert f"| `listings` | {WAITING_BYTES} |" in (DOCS / "runbook.md").read_text(encoding="utf-8")


def test_more_events_never_need_less() -> None:
    plans = [plan(read_costs(COSTS), rate) for rate in RATES]
    for less, more in pairwise(plans):
        assert less.shards <= more.shards
        assert less.cores <= more.cores + 1e-9
        assert less.gigabytes <= more.gigabytes
        assert less.machines <= more.machines
    assert (plans[0].shards, plans[-1].shards > 10) == (1, True)


def test_every_event_is_answered_and_a_wait_is_the_backlog_before_it(costs: Costs) -> None:
    load = np.zeros(DAY_S)
    load[100] = 10.5 * costs.consumer_rate
    day = simulate_day(costs, load, Fixed(1))
    # ten whole seconds, and a part of the eleventh
    assert day.waits_s[100] == 10
    assert day.late_share == 1
    assert day.hours == pytest.approx(24)


def test_processor_time_keeps_the_most_after_a_stall_and_the_backlog_what_is_needed(days: dict[str, Day]) -> None:
    afternoon = slice(15 * 3600, 18 * 3600)
    assert days["processor time"].consumers[afternoon].min() == 4
    assert days["backlog"].consumers[afternoon].mean() < 2
    assert days["backlog"].hours < days["processor time"].hours / 1.5


def test_while_redis_stalls_processor_time_stops_consumers_that_are_needed_after_it(days: dict[str, Day]) -> None:
    end = slice(STALL.end - 60, STALL.end)
    assert days["processor time"].consumers[end].max() == 1
    assert days["backlog"].consumers[end].min() == 4
    assert days["backlog"].recovery_s(STALL) < days["processor time"].recovery_s(STALL)
    assert days["backlog"].recovery_s(SPIKE) < 60 < days["1 fixed"].recovery_s(SPIKE)


def test_without_events_the_backlog_lets_the_last_consumer_go(days: dict[str, Day]) -> None:
    assert days["backlog"].consumers.min() == 0
    assert days["processor time"].consumers.min() == 1
