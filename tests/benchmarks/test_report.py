"""The report sums up all rounds, and the page shows it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page import render_page
from tasador.bench.drain import DrainResult
from tasador.bench.machine import Machine
from tasador.bench.report import BenchReport
from tasador.bench.throughput import ThroughputReport, sum_up
from tasador.bench.usage import ProcessUsage

ROOT = Path(__file__).parents[2]
TITLES = {"tasador": "tasador consumer", "bare": "bare loop", "faststream": "FastStream"}
MACHINE = Machine(
    system="Linux x86_64", processor="fast", cores=2, memory_bytes=2**33, load=0.1, versions={"python": "3.12.0"}
)


def drain(contender: str, number: int, events_per_s: float, listings: int = 1000) -> DrainResult:
    return DrainResult(
        contender=contender,
        round=number,
        listings=listings,
        published_per_s=1e5,
        events_per_s=events_per_s,
        processes=(ProcessUsage(title="one", cpu_us=10, peak_bytes=10**8),),
        redis=ProcessUsage(title="Redis", cpu_us=5, peak_bytes=10**7, used_bytes=10**6),
    )


def report(tasador: tuple[float, ...], bare: tuple[float, ...], *, is_quick: bool = False) -> ThroughputReport:
    ours = [drain("tasador", number, rate) for number, rate in enumerate(tasador, 1)]
    loop = [drain("bare", number, rate) for number, rate in enumerate(bare, 1)]
    slow = [drain("faststream", number, 300, listings=20) for number in range(1, len(tasador) + 1)]
    return sum_up(TITLES, 250.0, [*loop, *slow, *ours], is_quick=is_quick)


def test_a_ratio_compares_neighbours_in_time() -> None:
    # a slow round affects both rates, so it does not change the ratio
    ratio = report((50_000, 5_000, 40_000), (50_000, 5_000, 80_000)).ratios[0]
    assert (ratio.against, ratio.times.median, ratio.times.min, ratio.times.max) == ("bare", 1.0, 0.5, 1.0)


def test_a_full_run_fails_below_a_target_and_a_small_run_below_half_of_it() -> None:
    assert report((75_000,), (50_000,)).is_good
    short = report((74_000,), (50_000,))
    assert [(ratio.is_reached, ratio.is_enough) for ratio in short.ratios] == [(False, False), (True, True)]
    assert not short.is_good
    small = report((74_000,), (50_000,), is_quick=True)
    assert [(ratio.target, ratio.floor) for ratio in small.ratios] == [(1.5, 0.75), (130, 65)]
    assert [(ratio.is_reached, ratio.is_enough) for ratio in small.ratios] == [(False, True), (True, True)]
    assert small.is_good
    assert not report((37_000,), (50_000,), is_quick=True).is_good


def test_a_champion_is_divided_by_the_same_programs_and_fails_no_run() -> None:
    titles = {"champion": "the champion", "bare": "bare loop"}
    drains = [drain("champion", 1, 60_000), drain("bare", 1, 80_000)]
    (ratio,) = sum_up(titles, 250.0, drains, targets={"bare": 1.0}).ratios
    assert (ratio.of, ratio.title, ratio.times.median, ratio.target) == ("the champion", "bare loop", 0.75, 1.0)
    assert not ratio.is_reached
    assert ratio.is_enough


def test_processor_time_counts_all_listings_of_a_round() -> None:
    standing = report((50_000, 60_000), (50_000, 50_000)).standings[0]
    (usage,) = standing.processes
    assert (standing.events_per_s.median, usage.cpu_s.median, standing.redis.cpu_s.median) == (55_000, 0.01, 0.005)
    assert (usage.peak_bytes, usage.used_bytes, standing.redis.used_bytes) == (10**8, None, 10**6)


def test_the_page_is_generated_from_the_report(tmp_path: Path) -> None:
    made_at = datetime(2026, 11, 21, tzinfo=UTC)
    bench = BenchReport(made_at=made_at, machine=MACHINE, throughput=report((50_000,), (80_000,)))
    (tmp_path / "bench.json").write_text(bench.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.page", str(tmp_path / "bench.json"), str(tmp_path / "page.md")]
    subprocess.run(command, check=True, cwd=ROOT)
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page == render_page(bench)
    for text in (
        "| tasador consumer | 1,000 | **50,000** |",
        "| tasador consumer / FastStream | **166.7** | 166.7 | 166.7 | 130 | 130 | reached |",
        "python 3.12.0",
        "2026-11-21",
        "| tasador consumer, 1,000 | one | 0.01 | 10.0 | 100 MB |  |",
        "|  | Redis | 0.01 | 5.0 | 10 MB | 1 MB |",
    ):
        assert text in page
