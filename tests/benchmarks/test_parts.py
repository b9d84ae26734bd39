"""Each part of a run in the smallest size: it measures something of each kind, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from benchmarks.drift_cost import DriftCost
from benchmarks.growth import Growth, measure_batches
from benchmarks.latency import LatencyStep, measure_latency
from benchmarks.page import render_page
from benchmarks.peer_rates import Peer, Peers
from benchmarks.plots import write_plots
from benchmarks.report import BenchReport
from benchmarks.rig import Rig, settings_for
from benchmarks.start import Start, measure_starts
from benchmarks.swap import Swaps, measure_swaps
from benchmarks.throughput import Spread, sum_up
from tests.benchmarks.test_report import MACHINE, drain
from tests.models import SmallModel

PEERS = Peers(
    rounds=3,
    seconds=5,
    consumer=Spread.of([90_000]),
    peers=(
        Peer(
            name="mlserver",
            title="MLServer",
            connections=32,
            is_batching=True,
            events_per_s=Spread.of([900, 1000, 1100]),
            times=Spread.of([80, 90, 100]),
        ),
    ),
    left_out="streaq is left out",
)


@pytest.fixture
def rig(own_model: SmallModel, redis_url: str) -> Iterator[Rig]:
    rig = Rig(redis_url, settings_for(redis_url, own_model.settings.home), own_model.info)
    before = psutil.Process().children(recursive=True)
    yield rig
    assert not list(rig.client.scan_iter(f"{rig.streams.prefix}*"))
    rig.client.close()
    # one that multiprocessing keeps for the next pool may stay
    left = [child.cmdline() for child in psutil.Process().children(recursive=True) if child not in before]
    assert not [command for command in left if "resource_tracker" not in " ".join(command)]


@pytest.mark.timeout(120)
def test_latency_is_taken_of_every_listing(rig: Rig) -> None:
    told: list[str] = []
    (step,) = measure_latency(rig, [200], 0.5, told.append)
    assert step.listings == 90
    assert 0 < step.p50 <= step.p95 <= step.p99 <= step.p999 <= step.max
    assert told[0].startswith("200 events/s: p50")


@pytest.mark.timeout(120)
def test_models_are_swapped_while_listings_arrive(rig: Rig) -> None:
    swaps = measure_swaps(rig, 1, len)
    assert swaps.swaps == 1
    assert swaps.longest >= swaps.p999 > 0


@pytest.mark.timeout(120)
def test_a_start_ends_with_the_first_prediction(rig: Rig) -> None:
    (start,) = measure_starts(rig, 1, len)
    assert start.first_s > 0
    # what is promised of an XGBoost model; the machine has no part in it
    assert start.peak_bytes < 250_000_000


@pytest.mark.timeout(120)
def test_costs_are_taken_while_nobody_publishes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.growth._BACKLOG_OF_BATCHES", 2000)
    (growth,) = measure_batches(rig, [100], len)
    assert (growth.backlog, growth.batch) == (2000, 100)
    assert growth.cpu_us > 0
    assert growth.redis_cpu_us > 0


def test_the_page_has_a_section_for_each_part_that_was_measured(tmp_path: Path) -> None:
    step = LatencyStep(events_per_s=80_000, listings=9, p50=1, p95=2, p99=3, p999=4, max=5, is_saturated=True)
    sizes = [
        Growth(
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
    lean = {"tasador": "tasador consumer", "no_window": "the same without window"}
    quiet = BenchReport(made_at=datetime.now(UTC), machine=MACHINE)
    assert "## Latency" not in render_page(quiet)
    full = quiet.model_copy(
        update={
            "latencies": (step,),
            "swaps": Swaps(events_per_s=10_000, swaps=3, longest=9, longest_without=8, p999=7, p999_without=6),
            "starts": (Start(first_s=2, peak_bytes=97_000_000),),
            "backlogs": tuple(sizes),
            "batches": tuple(sizes[:1]),
            "costs": sum_up(lean, 250.0, [drain("tasador", 1, 97_000), drain("no_window", 1, 100_000)]),
            "widths": tuple(size.model_copy(update={"features": 200}) for size in sizes),
            "drift_costs": (DriftCost(rows=1000, reference_rows=2000, cpu_s=0.03, more_bytes=300_000),),
            "scale": (sum_up({"tasador": "tasador consumer"}, 250.0, [drain("tasador", 1, 97_000)]),),
            "peers": PEERS,
        }
    )
    assert write_plots(quiet, tmp_path / "bench.json") == []
    plots = write_plots(full, tmp_path / "bench.json")
    drawn = ("costs", "latency", "scale", "backlog", "batch", "features", "drift")
    assert [plot.name for plot in plots] == [f"bench-{part}.svg" for part in drawn]
    assert all("</svg>" in plot.read_text() for plot in plots)
    page = render_page(full)
    for part in (
        "| 80,000 (saturated) | 9 | 1.00 | 2.00 | 3.00 | 4.00 | 5.00 |",
        "| 3 swaps, one a second | 9.0 | 7.0 |",
        "2.00 s",
        "97 MB",
        "| 10,000,000 | 9 | 8.0 | 12.0 | 1.25 | 100 MB | 1,000 MB |",
        "## Growth with the batch",
        "| 200 | 9 | 8.0 | 8.0 | 1.00 | 100 MB | 1,000 MB |",
        "| 1,000 | 2,000 | 0.03 s | 0.3 MB |",
        "| tasador consumer, 1,000 | one | 0.01 | 10.0 | 100 MB |  |",
        "The consumer kept up with no rate that was tried and was saturated at 80,000 events/s.",
        "| the same without window | **0.970** | 0.970 | 0.970 |  |  |  |",
        "| MLServer | 32 | **1,000** | 900 | 1,100 | **90.0** | 80.0 | 100.0 | 80 |",
        "streaq is left out.",
    ):
        assert part in page
