"""The sections of a report other than throughput, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from tasador.bench.drain_sections import (
    aof_section,
    busy_section,
    classes_section,
    costs_section,
    rollouts_section,
    scale_section,
    stored_section,
    traced_section,
)
from tasador.bench.goals import Goal, goals_of
from tasador.bench.growth_sections import growth_sections
from tasador.bench.latency import LatencyStep
from tasador.bench.markdown import table
from tasador.bench.report import BenchReport
from tasador.bench.start import ConsumerStart
from tasador.bench.swap import SwapLatencies

WITH_CHAMPION = ", champion"
_START = """\
## Start

From `tasador consumer` to its first prediction, with the model in the local cache.

"""
_LATENCY = """\
## Latency

Listings arrive at a fixed rate even if the consumer falls behind. A latency runs from the moment at which a listing is
due to the moment at which its prediction can be read (`tasador/bench/arrivals.py`). The publisher and the reader share
the cores. The last two columns set the load generator's share apart: p99 without it, and its longest. Its share is how
long a listing waited for a publisher that did not wait for Redis, and its answer for a busy reader.

{saturation}

{steps}
"""


def sections(report: BenchReport) -> Iterator[str]:
    """A section for each part that was measured."""
    if goals := goals_of(report):
        yield _goals(goals)
    yield from _drains(report)
    if report.latencies:
        yield _latency(report.latencies, report.champion_latencies)
    if report.swaps:
        yield _swaps(report.swaps, report.champion_swaps)
    if report.starts:
        yield _starts(report.starts, report.champion_starts)
    if report.scale:
        yield scale_section(report.scale)
    yield from growth_sections(report)


def _drains(report: BenchReport) -> Iterator[str]:
    if report.aof:
        yield aof_section(report.aof)
    if report.busy:
        yield busy_section(report.busy)
    if report.classes:
        yield classes_section(report.classes)
    if report.costs:
        yield costs_section(report.costs)
    if report.stored:
        yield stored_section(report.stored)
    if report.rollouts:
        yield rollouts_section(report.rollouts)
    if report.traced:
        yield traced_section(report.traced)


def _goals(goals: Sequence[Goal]) -> str:
    rows = [(goal.title, goal.measured, goal.target, "reached" if goal.is_reached else "not reached") for goal in goals]
    return (
        "## Times and memory\n\nTargets in seconds and bytes depend on the machine; a run that misses one does not "
        "fail.\n\n" + table(("", "measured", "target", ""), rows) + "\n"
    )


def _latency(steps: Sequence[LatencyStep], champion: Sequence[LatencyStep]) -> str:
    heads = ("events/s", "listings", "p50 ms", "p95", "p99", "p99.9", "longest", "p99 of the product", "generator")
    rows = [*map(_latency_row, steps), *(_latency_row(step, WITH_CHAMPION) for step in champion)]
    return _LATENCY.format(saturation=_saturation(steps), steps=table(heads, rows))


def _latency_row(step: LatencyStep, suffix: str = "") -> tuple[str, ...]:
    figures = (step.p50, step.p95, step.p99, step.p999, step.max, step.p99_of_product, step.generator_max)
    rate = f"{step.events_per_s:,.0f}{suffix}{' (saturated)' if step.is_saturated else ''}"
    return rate, f"{step.listings:,}", *(f"{value:,.2f}" for value in figures)


def _saturation(steps: Sequence[LatencyStep]) -> str:
    sustained = max((step.events_per_s for step in steps if not step.is_saturated), default=0.0)
    saturated = min((step.events_per_s for step in steps if step.is_saturated), default=None)
    if saturated is None:
        return f"The consumer was not saturated at {sustained:,.0f} events/s."
    kept_up = f"kept up with {sustained:,.0f} events/s" if sustained else "kept up with no measured rate"
    return f"The consumer {kept_up} and was saturated at {saturated:,.0f} events/s."


def _swaps(swaps: SwapLatencies, champion: SwapLatencies | None) -> str:
    heads = (f"at {swaps.events_per_s:,.0f} events/s", "longest latency ms", "p99.9")
    rows = [*_swap_rows(swaps), *(_swap_rows(champion, WITH_CHAMPION) if champion else ())]
    return "## Swaps\n\n" + table(heads, rows) + "\n"


def _swap_rows(swaps: SwapLatencies, suffix: str = "") -> Iterator[tuple[str, ...]]:
    yield f"{swaps.swaps} swaps, one a second{suffix}", f"{swaps.longest:.1f}", f"{swaps.p999:.1f}"
    yield f"no swap, same duration{suffix}", f"{swaps.longest_without:.1f}", f"{swaps.p999_without:.1f}"


def _starts(starts: Sequence[ConsumerStart], champion: Sequence[ConsumerStart]) -> str:
    heads = ("", "starts", "first prediction after", "least", "most", "peak memory")
    rows = [_start_row("reference model", starts), *([_start_row("champion", champion)] if champion else [])]
    return _START + table(heads, rows) + "\n"


def _start_row(title: str, starts: Sequence[ConsumerStart]) -> tuple[str, ...]:
    times = sorted(start.first_s for start in starts)
    peak = max(start.peak_bytes for start in starts)
    return title, f"{len(times)}", *(f"{s:.2f} s" for s in (median(times), times[0], times[-1])), f"{peak / 1e6:.0f} MB"
