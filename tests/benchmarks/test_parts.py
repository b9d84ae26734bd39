"""Each part of a run at its smallest size: it measures something and removes its keys and processes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.page import render_page
from benchmarks.peer_report import PeerRate, PeersReport
from tasador.bench.drift_cost import DriftCost
from tasador.bench.growth import GrowthCost, measure_batches
from tasador.bench.latency import LatencyStep, measure_latency
from tasador.bench.plots import write_plots
from tasador.bench.report import BenchReport
from tasador.bench.rig import Rig
from tasador.bench.rollout import CASES, RolloutDrain, measure_rollouts
from tasador.bench.start import ConsumerStart, measure_starts
from tasador.bench.stored import StoredDrain, measure_stored
from tasador.bench.swap import SwapLatencies, measure_swaps
from tasador.bench.throughput import RateRatio, Spread, sum_up
from tasador.bench.traced import TracedDrains, measure_traced
from tests.benchmarks.test_report import MACHINE, drain

pytestmark = pytest.mark.rounds

PEERS = PeersReport(
    made_at=datetime(2026, 11, 21, tzinfo=UTC),
    machine=MACHINE,
    rounds=3,
    seconds=5,
    consumers=(
        PeerRate(
            name="tasador",
            title="tasador consumer",
            connections=None,
            is_batching=False,
            events_per_s=Spread.of([90_000]),
            times=Spread.of([1]),
            cpu_us=Spread.of([7]),
            peak_bytes=95_000_000,
        ),
    ),
    peers=(
        PeerRate(
            name="mlserver",
            title="MLServer",
            connections=32,
            is_batching=True,
            events_per_s=Spread.of([900, 1000, 1100]),
            times=Spread.of([80, 90, 100]),
            cpu_us=Spread.of([1500]),
            peak_bytes=800_000_000,
        ),
    ),
    left_out="streaq is left out",
)


def test_latency_counts_every_listing_after_the_warm_up(rig: Rig) -> None:
    lines: list[str] = []
    (step,) = measure_latency(rig, [200], 0.5, lines.append)
    assert step.listings == 90
    assert 0 < step.p50 <= step.p95 <= step.p99 <= step.p999 <= step.max
    assert lines[0].startswith("200 events/s: p50")


def test_models_are_swapped_while_listings_arrive(rig: Rig) -> None:
    swaps = measure_swaps(rig, 1, len)
    assert swaps.swaps == 1
    assert swaps.longest >= swaps.p999 > 0


def test_a_start_is_timed_until_the_first_prediction(rig: Rig) -> None:
    (start,) = measure_starts(rig, 1, len)
    assert start.first_s > 0
    # the limit for an XGBoost model, on any machine
    assert start.peak_bytes < 250_000_000


def test_growth_measures_consumer_and_redis(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasador.bench.growth._BACKLOG_OF_BATCHES", 2000)
    (cost,) = measure_batches(rig, [100], len)
    assert (cost.backlog, cost.batch) == (2000, 100)
    assert cost.cpu_us > 0
    assert cost.redis_cpu_us > 0


def test_listings_that_take_features_from_the_store_are_drained(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasador.bench.stored.STORED", {13: 0.6})
    monkeypatch.setattr("tasador.bench.stored.SUBJECTS", 50)
    whole, stored = measure_stored(rig, 200, 1, list[str]().append)
    assert (whole.stored, stored.stored, stored.features) == (0, 13, 13)
    assert stored.ratio.times.median == stored.events_per_s.median / whole.events_per_s.median


def test_rollouts_are_measured_with_their_challenger_loaded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasador.bench.rollout.CASES", CASES[:1])
    without, shadow = measure_rollouts(rig, 200, 1, list[str]().append)
    assert (without.title, without.challenger_us) == ("no rollout", 0)
    assert shadow.challenger_us > 0
    assert shadow.ratio.times.median == shadow.events_per_s.median / without.events_per_s.median


def test_partly_traced_listings_are_drained_with_and_without_traces(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasador.bench.traced.SHARE", 0.5)
    drains = measure_traced(rig, 200, 1, list[str]().append)
    assert drains.requests > 0, "spans were sent"
    assert drains.ratio.times.median == drains.on.median / drains.off.median


def test_the_page_has_a_section_for_each_part_that_was_measured(tmp_path: Path) -> None:
    step = LatencyStep(
        events_per_s=80_000,
        listings=9,
        p50=1,
        p95=2,
        p99=3,
        p999=4,
        max=5,
        p99_of_product=2.5,
        generator_max=0.5,
        is_saturated=True,
    )
    sizes = [
        GrowthCost(
            backlog=backlog,
            batch=1000,
            features=13,
            events=9,
            events_per_s=9,
            cpu_us=8,
            redis_cpu_us=redis_cpu_us,
            peak_bytes=10**8,
            redis_bytes=10**9,
        )
        for backlog, redis_cpu_us in ((10_000, 8), (10_000_000, 12))
    ]
    titles = {"tasador": "tasador consumer", "no_window": "the same without window"}
    empty = BenchReport(made_at=datetime.now(UTC), machine=MACHINE)
    assert "## Latency" not in render_page(empty)
    full = empty.model_copy(
        update={
            "latencies": (step,),
            "swaps": SwapLatencies(events_per_s=10_000, swaps=3, longest=9, longest_without=8, p999=7, p999_without=6),
            "starts": (ConsumerStart(first_s=2, peak_bytes=97_000_000),),
            "backlogs": tuple(sizes),
            "batches": tuple(sizes[:1]),
            "costs": sum_up(titles, 250.0, [drain("tasador", 1, 97_000), drain("no_window", 1, 100_000)]),
            "stored": (
                StoredDrain(
                    stored=3,
                    features=13,
                    events_per_s=Spread.of([90_000]),
                    cpu_us=8,
                    redis_cpu_us=9,
                    ratio=RateRatio(against="tasador", title="whole", times=Spread.of([0.75]), target=0.8, floor=0.7),
                ),
            ),
            "rollouts": tuple(
                RolloutDrain(
                    title=title,
                    events_per_s=Spread.of([90_000]),
                    cpu_us=cpu_us,
                    redis_cpu_us=9,
                    challenger_us=challenger_us,
                    ratio=RateRatio(against="tasador", title="none", times=Spread.of([0.95]), target=0.9, floor=0.9),
                )
                for title, cpu_us, challenger_us in (("no rollout", 8.0, 0.0), ("a canary", 8.5, 0.25))
            ),
            "traced": TracedDrains(
                on=Spread.of([99_000]),
                off=Spread.of([100_000]),
                on_us=7.1,
                off_us=7.0,
                ratio=RateRatio(against="tasador", title="without", times=Spread.of([0.99]), target=0.99, floor=0.99),
                requests=3,
            ),
            "widths": tuple(size.model_copy(update={"features": 200}) for size in sizes),
            "drift_costs": (DriftCost(rows=1000, reference_rows=2000, cpu_s=0.03, more_bytes=300_000),),
            "scale": (sum_up({"tasador": "tasador consumer"}, 250.0, [drain("tasador", 1, 97_000)]),),
        }
    )
    assert write_plots(empty, tmp_path / "bench.json") == []
    plots = write_plots(full, tmp_path / "bench.json")
    parts = ("costs", "latency", "scale", "backlog", "batch", "features", "drift")
    assert [plot.name for plot in plots] == [f"bench-{part}.svg" for part in parts]
    assert all("</svg>" in plot.read_text() for plot in plots)
    page = render_page(full, PEERS)
    for text in (
        "| 80,000 (saturated) | 9 | 1.00 | 2.00 | 3.00 | 4.00 | 5.00 | 2.50 | 0.50 |",
        "| 3 swaps, one a second | 9.0 | 7.0 |",
        "| reference model | 1 | 2.00 s | 2.00 s | 2.00 s | 97 MB |",
        "97 MB",
        "| 10,000,000 | 9 | 8.0 | 12.0 | 1.25 | 100 MB | 1,000 MB |",
        "## Growth with the batch",
        "| 200 | 9 | 8.0 | 8.0 | 1.00 | 100 MB | 1,000 MB |",
        "| 1,000 | 2,000 | 0.03 s | 0.3 MB |",
        "| tasador consumer, 1,000 | one | 0.01 | 10.0 | 100 MB |  |",
        "The consumer kept up with no measured rate and was saturated at 80,000 events/s.",
        "| the same without window | **0.970** | 0.970 | 0.970 |  |  |  |",
        "| no rollout |  |  |  |  |  |  | 90,000 | 8.00 |  |  | 9.00 |",
        "| a canary | **0.950** | 0.950 | 0.950 | 0.9 | 0.9 | reached | 90,000 | 8.50 | 0.25 | 0.25 | 9.00 |",
        "| 3 of 13 | **0.750** | 0.750 | 0.750 | 0.8 | 0.7 | not reached | 90,000 | 8.00 | 9.00 |",
        "| MLServer | 32 | **1,000** | 900 | 1,100 | **90.0** | 80.0 | 100.0 | 80 | 1,500.0 | 800 MB |",
        "streaq is left out.",
    ):
        assert text in page
