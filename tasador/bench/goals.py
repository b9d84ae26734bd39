"""Targets in seconds and bytes, and which of them a report reaches; missing one fails no run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from tasador.bench.contenders.contender import CHAMPION, TASADOR
from tasador.bench.growth import GrowthCost
from tasador.bench.latency import LatencyStep
from tasador.bench.report import BenchReport
from tasador.bench.start import ConsumerStart
from tasador.bench.swap import SwapLatencies
from tasador.bench.targets import (
    CONSUMER_BYTES,
    GROWTH,
    LATENCIES_MS,
    PUBLISHED_PER_S,
    START_S,
    SWAP_MS,
    WIDTH,
    WIDTH_US,
)
from tasador.bench.throughput import ThroughputReport

_CHAMPION = ", with the champion"
_PERCENTILES = {"p99_of_product": "p99 without the load generator's share"}
_MIN_SIZES = 2
"""Comparing sizes takes at least two of them."""


class Goal(NamedTuple):
    """A target beside what was measured.

    Attributes:
        title: what is measured.
        measured: the figure, with its unit; so is `target`.
        is_reached: whether the figure meets the target.
    """

    title: str
    measured: str
    target: str
    is_reached: bool


def goals_of(report: BenchReport) -> list[Goal]:
    """The goals of those parts that were measured."""
    return [
        *_latencies(report.latencies or (), ""),
        *_latencies(report.champion_latencies, _CHAMPION),
        *_times(report.swaps, report.starts or (), ""),
        *_times(report.champion_swaps, report.champion_starts, _CHAMPION),
        *_memory(report),
        *_rates(report),
        *_growth(report.backlogs or ()),
        *_widths(report.widths or ()),
    ]


def _latencies(measured: Sequence[LatencyStep], suffix: str) -> Iterator[Goal]:
    steps = {step.events_per_s: step for step in measured}
    for rate, targets in LATENCIES_MS.items():
        for percentile, limit in targets.items():
            if rate in steps:
                value = float(getattr(steps[rate], percentile))
                what = _PERCENTILES.get(percentile, percentile)
                yield _at_most(f"latency at {rate:,} events/s, {what}{suffix}", value, limit, " ms")


def _times(swaps: SwapLatencies | None, starts: Sequence[ConsumerStart], suffix: str) -> Iterator[Goal]:
    if swaps:
        title = f"longest latency while models are swapped at {swaps.events_per_s:,.0f} events/s{suffix}"
        yield _at_most(title, swaps.longest, SWAP_MS, " ms")
    if starts:
        first_s = median(start.first_s for start in starts)
        yield _at_most(f"start to first prediction{suffix}", first_s, START_S, " s")


def _memory(report: BenchReport) -> Iterator[Goal]:
    drained = [each for each in (report.throughput, report.aof, report.busy, *(report.scale or ())) if each]
    grown = [cost.peak_bytes for cost in (*(report.backlogs or ()), *(report.batches or ()))]
    reference = [*_peaks(drained, TASADOR), *grown, *(start.peak_bytes for start in report.starts or ())]
    grown = [cost.peak_bytes for cost in report.champion_batches]
    champion = [*_peaks(drained, CHAMPION), *grown, *(start.peak_bytes for start in report.champion_starts)]
    for model, peaks in (("the reference model", reference), ("the champion", champion)):
        if peaks:
            title = f"memory of a consumer with {model}, largest of all parts"
            yield _at_most(title, max(peaks) / 1e6, CONSUMER_BYTES / 1e6, " MB", ".0f")


def _peaks(drained: Sequence[ThroughputReport], prefix: str) -> list[int]:
    standings = [standing for each in drained for standing in each.standings if standing.name.startswith(prefix)]
    return [process.peak_bytes for standing in standings for process in standing.processes]


def _rates(report: BenchReport) -> Iterator[Goal]:
    if report.throughput:
        rate = report.throughput.published_per_s.median
        target = f"at least {PUBLISHED_PER_S:,.0f}/s"
        yield Goal("publisher", f"{rate:,.0f}/s", target, rate >= PUBLISHED_PER_S)


def _growth(costs: Sequence[GrowthCost]) -> Iterator[Goal]:
    if len(costs) < _MIN_SIZES:
        return
    first, last = costs[0], costs[-1]
    sizes = f"at a backlog of {last.backlog:,} relative to {first.backlog:,}"
    cost = (last.cpu_us + last.redis_cpu_us) / (first.cpu_us + first.redis_cpu_us)
    yield _at_most(f"cost of an event {sizes}", cost, GROWTH, "")
    yield _at_most(f"memory of a consumer {sizes}", last.peak_bytes / first.peak_bytes, GROWTH, "")


def _widths(costs: Sequence[GrowthCost]) -> Iterator[Goal]:
    if len(costs) < _MIN_SIZES:
        return
    first, last = costs[0], costs[-1]
    title = f"cost of an event of {last.features} features for a consumer"
    yield _at_most(f"{title}, relative to {first.features}", last.cpu_us / first.cpu_us, WIDTH, "")
    yield _at_most(title, last.cpu_us, WIDTH_US, " µs", ".1f")


def _at_most(title: str, value: float, limit: float, unit: str, form: str = ".2f") -> Goal:
    return Goal(title, f"{value:,{form}}{unit}", f"at most {limit:g}{unit}", value <= limit)
