"""Targets in seconds and bytes, and which of them a report reaches; missing one fails no run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from tasador.bench.contenders.contender import CHAMPION
from tasador.bench.growth import GrowthCost
from tasador.bench.report import BenchReport
from tasador.bench.targets import CONSUMER_BYTES, GROWTH, LATENCIES_MS, PUBLISHED_PER_S, START_S, SWAP_MS

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
    return [*_latencies(report), *_times(report), *_memory(report), *_rates(report), *_growth(report.backlogs or ())]


def _latencies(report: BenchReport) -> Iterator[Goal]:
    steps = {step.events_per_s: step for step in report.latencies or ()}
    for rate, targets in LATENCIES_MS.items():
        for percentile, limit in targets.items():
            if rate in steps:
                value = float(getattr(steps[rate], percentile))
                yield _at_most(f"latency at {rate:,} events/s, {percentile}", value, limit, " ms")


def _times(report: BenchReport) -> Iterator[Goal]:
    if report.swaps:
        title = f"longest latency while models are swapped at {report.swaps.events_per_s:,.0f} events/s"
        yield _at_most(title, report.swaps.longest, SWAP_MS, " ms")
    if report.starts:
        first_s = median(start.first_s for start in report.starts)
        yield _at_most("start to first prediction", first_s, START_S, " s")


def _memory(report: BenchReport) -> Iterator[Goal]:
    drained = [each for each in (report.throughput, *(report.scale or ())) if each]
    consumers = [
        process.peak_bytes
        for each in drained
        for standing in each.standings
        if standing.name.startswith("tasador")
        for process in standing.processes
    ]
    grown = [cost.peak_bytes for cost in (*(report.backlogs or ()), *(report.batches or ()))]
    peaks = [*consumers, *grown, *(start.peak_bytes for start in report.starts or ())]
    if peaks:
        title = "memory of a consumer with the reference model, largest of all parts"
        yield _at_most(title, max(peaks) / 1e6, CONSUMER_BYTES / 1e6, " MB", ".0f")
    for standing in report.throughput.standings if report.throughput else ():
        if standing.name == CHAMPION:
            peak = max(process.peak_bytes for process in standing.processes)
            yield _at_most(f"memory of a {standing.title}", peak / 1e6, CONSUMER_BYTES / 1e6, " MB", ".0f")


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


def _at_most(title: str, value: float, limit: float, unit: str, form: str = ".2f") -> Goal:
    return Goal(title, f"{value:,{form}}{unit}", f"at most {limit:g}{unit}", value <= limit)
