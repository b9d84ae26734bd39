"""What is made of the figures of all rounds."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.drain import Drain
from benchmarks.machine import Machine
from benchmarks.page import render_page
from benchmarks.report import Report
from benchmarks.throughput import Throughput, sum_up

ROOT = Path(__file__).parents[2]
TITLES = {"tasador": "tasador consumer", "bare": "bare loop", "faststream": "FastStream"}
MACHINE = Machine(
    system="Linux x86_64", processor="fast", cores=2, memory_bytes=2**33, load=0.1, versions={"python": "3.12.0"}
)


def drain(contender: str, number: int, events_per_s: float, listings: int = 1000) -> Drain:
    return Drain(
        contender=contender,
        round=number,
        listings=listings,
        published_per_s=1e5,
        events_per_s=events_per_s,
        cpu_us=10,
        peak_bytes=10**8,
        redis_cpu_us=5,
        redis_peak_bytes=10**7,
    )


def report(tasador: tuple[float, ...], bare: tuple[float, ...]) -> Throughput:
    ours = [drain("tasador", number, rate) for number, rate in enumerate(tasador, 1)]
    loop = [drain("bare", number, rate) for number, rate in enumerate(bare, 1)]
    slow = [drain("faststream", number, 1000, listings=20) for number in range(1, len(tasador) + 1)]
    return sum_up(TITLES, 250.0, [*loop, *slow, *ours])


def test_a_ratio_compares_neighbours_in_time() -> None:
    # a machine that becomes ten times slower says nothing about either
    ratio = report((50_000, 5_000, 40_000), (50_000, 5_000, 80_000)).ratios[0]
    assert (ratio.against, ratio.times.median, ratio.times.min, ratio.times.max) == ("bare", 1.0, 0.5, 1.0)


def test_a_target_that_is_missed_makes_the_report_bad() -> None:
    assert report((50_000,), (100_000,)).is_good
    short = report((49_000,), (100_000,))
    assert [ratio.is_reached for ratio in short.ratios] == [False, True]
    assert not short.is_good


def test_costs_are_for_all_listings_of_a_round() -> None:
    standing = report((50_000, 60_000), (50_000, 50_000)).standings[0]
    assert (standing.events_per_s.median, standing.cpu_s.median, standing.redis_cpu_s.median) == (55_000, 0.01, 0.005)


def test_the_page_is_made_from_the_report(tmp_path: Path) -> None:
    made_at = datetime(2026, 11, 21, tzinfo=UTC)
    found = Report(made_at=made_at, machine=MACHINE, throughput=report((50_000,), (80_000,)))
    (tmp_path / "bench.json").write_text(found.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.page", str(tmp_path / "bench.json"), str(tmp_path / "page.md")]
    subprocess.run(command, check=True, cwd=ROOT)
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page == render_page(found)
    for part in (
        "| tasador consumer | 1,000 | **50,000** |",
        "| FastStream | **50.00** |",
        "python 3.12.0",
        "2026-11-21",
    ):
        assert part in page
