"""The sections of a report other than throughput, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from tasador.bench.drain_sections import costs_section, scale_section
from tasador.bench.goals import Goal, goals_of
from tasador.bench.growth_sections import growth_sections
from tasador.bench.latency import LatencyStep
from tasador.bench.markdown import table
from tasador.bench.report import BenchReport
from tasador.bench.start import ConsumerStart
from tasador.bench.swap import SwapLatencies

_LATENCY = """\
## Latency

Listings arrive at a fixed rate even if the consumer falls behind. A latency runs from the moment at which a listing is
due to the moment at which its prediction can be read (`tasador/bench/arrivals.py`). The publisher and the reader share
the cores. The last two columns set apart how long listings waited for a publisher that was not waiting for Redis, and
answers for a reader that was busy.

{saturation}

{steps}
"""


def sections(report: BenchReport) -> Iterator[str]:
    """A section for each part that was measured."""
    if goals := goals_of(report):
        yield _goals(goals)
    if report.costs:
        yield costs_section(report.costs)
    if report.latencies:
        yield _latency(report.latencies)
    if report.swaps:
        yield _swaps(report.swaps)
    if report.starts:
        yield _starts(report.starts)
    if report.scale:
        yield scale_section(report.scale)
    yield from growth_sections(report)


def _goals(goals: Sequence[Goal]) -> str:
    rows = [(goal.title, goal.measured, goal.target, "reached" if goal.is_reached else "not reached") for goal in goals]
    return (
        "## Times and memory\n\nTargets in seconds and bytes depend on the machine; a run that misses one does not "
        "fail.\n\n" + table(("", "measured", "target", ""), rows) + "\n"
    )


def _latency(steps: tuple[LatencyStep, ...]) -> str:
    heads = (
        "events/s",
        "listings",
        "p50 ms",
        "p95",
        "p99",
        "p99.9",
        "longest",
        "p99 of the product",
        "longest wait for the generator",
    )
    rows = [
        (
            f"{step.events_per_s:,.0f}{' (saturated)' if step.is_saturated else ''}",
            f"{step.listings:,}",
            *(f"{value:,.2f}" for value in (step.p50, step.p95, step.p99, step.p999, step.max)),
            f"{step.p99_of_product:,.2f}",
            f"{step.generator_max:,.2f}",
        )
        for step in steps
    ]
    return _LATENCY.format(saturation=_saturation(steps), steps=table(heads, rows))


def _saturation(steps: tuple[LatencyStep, ...]) -> str:
    sustained = max((step.events_per_s for step in steps if not step.is_saturated), default=0.0)
    saturated = min((step.events_per_s for step in steps if step.is_saturated), default=None)
    if saturated is None:
        return f"The consumer was not saturated at {sustained:,.0f} events/s."
    kept_up = f"kept up with {sustained:,.0f} events/s" if sustained else "kept up with no measured rate"
    return f"The consumer {kept_up} and was saturated at {saturated:,.0f} events/s."


def _swaps(swaps: SwapLatencies) -> str:
    heads = (f"at {swaps.events_per_s:,.0f} events/s", "longest latency ms", "p99.9")
    rows = [
        (f"{swaps.swaps} swaps, one a second", f"{swaps.longest:.1f}", f"{swaps.p999:.1f}"),
        ("no swap, same duration", f"{swaps.longest_without:.1f}", f"{swaps.p999_without:.1f}"),
    ]
    return "## Swaps\n\n" + table(heads, rows) + "\n"


def _starts(starts: tuple[ConsumerStart, ...]) -> str:
    times = sorted(start.first_s for start in starts)
    return (
        f"## Start\n\nFrom `tasador consumer` to its first prediction, with the model in the local cache: "
        f"{median(times):.2f} s ({times[0]:.2f} -\n{times[-1]:.2f}, {len(times)} starts). Peak memory: "
        f"{max(start.peak_bytes for start in starts) / 1e6:.0f} MB.\n"
    )
