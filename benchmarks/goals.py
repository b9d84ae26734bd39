"""What a report reaches of what is asked for in seconds and bytes; these fail nothing (see `benchmarks.targets`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.contenders import CHAMPION
from benchmarks.growth import Growth
from benchmarks.report import BenchReport
from benchmarks.targets import CONSUMER_BYTES, GROWTH, LATENCIES_MS, PUBLISHED_PER_S, START_S, SWAP_MS

_FEW = 2
"""Sizes that are needed to compare one with another."""


class Goal(NamedTuple):
    """One of them.

    Attributes:
        title: what is measured.
        found: what was found, for a person; so with `target`.
        is_reached: whether that is enough.
    """

    title: str
    found: str
    target: str
    is_reached: bool


def goals_of(report: BenchReport) -> list[Goal]:
    """What is asked for of the parts that were measured."""
    return [*_latencies(report), *_moments(report), *_bytes(report), *_rates(report), *_growth(report.backlogs or ())]


def _latencies(report: BenchReport) -> Iterator[Goal]:
    steps = {step.events_per_s: step for step in report.latencies or ()}
    for rate, targets in LATENCIES_MS.items():
        for name, most in targets.items():
            if rate in steps:
                found = float(getattr(steps[rate], name))
                yield _at_most(f"latency at {rate:,} events/s, {name}", found, most, " ms")


def _moments(report: BenchReport) -> Iterator[Goal]:
    if report.swaps:
        title = f"longest wait while models are swapped at {report.swaps.events_per_s:,.0f} events/s"
        yield _at_most(title, report.swaps.longest, SWAP_MS, " ms")
    if report.starts:
        first_s = median(start.first_s for start in report.starts)
        yield _at_most("start to first prediction", first_s, START_S, " s")


def _bytes(report: BenchReport) -> Iterator[Goal]:
    drained = [one for one in (report.throughput, *(report.scale or ())) if one]
    consumers = [
        process.peak_bytes
        for found in drained
        for standing in found.standings
        if standing.name.startswith("tasador")
        for process in standing.processes
    ]
    grown = [growth.peak_bytes for growth in (*(report.backlogs or ()), *(report.batches or ()))]
    peaks = [*consumers, *grown, *(start.peak_bytes for start in report.starts or ())]
    if peaks:
        title = "memory of a consumer with the reference model, most of all parts"
        yield _at_most(title, max(peaks) / 1e6, CONSUMER_BYTES / 1e6, " MB", ".0f")
    for standing in report.throughput.standings if report.throughput else ():
        if standing.name == CHAMPION:
            most = max(process.peak_bytes for process in standing.processes)
            yield _at_most(f"memory of a {standing.title}", most / 1e6, CONSUMER_BYTES / 1e6, " MB", ".0f")


def _rates(report: BenchReport) -> Iterator[Goal]:
    if report.throughput:
        found = report.throughput.published_per_s.median
        target = f"at least {PUBLISHED_PER_S:,.0f}/s"
        yield Goal("publisher", f"{found:,.0f}/s", target, found >= PUBLISHED_PER_S)


def _growth(sizes: Sequence[Growth]) -> Iterator[Goal]:
    if len(sizes) < _FEW:
        return
    first, last = sizes[0], sizes[-1]
    beside = f"at a backlog of {last.backlog:,} beside {first.backlog:,}"
    cost = (last.cpu_us + last.redis_cpu_us) / (first.cpu_us + first.redis_cpu_us)
    yield _at_most(f"cost of an event {beside}", cost, GROWTH, "")
    yield _at_most(f"memory of a consumer {beside}", last.peak_bytes / first.peak_bytes, GROWTH, "")


def _at_most(title: str, found: float, most: float, unit: str, form: str = ".2f") -> Goal:
    return Goal(title, f"{found:,{form}}{unit}", f"at most {most:g}{unit}", found <= most)
