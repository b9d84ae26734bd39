"""Sections of the report on growth: with the backlog, the batch, the number of features, and rows of a drift report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tasador.bench.drift_cost import DriftCost
from tasador.bench.growth import GrowthCost
from tasador.bench.markdown import table
from tasador.bench.report import BenchReport


def growth_sections(report: BenchReport) -> Iterator[str]:
    """The sections of what was measured, in Markdown."""
    if report.backlogs:
        yield _growth("backlog", "backlog", report.backlogs, lambda cost: cost.backlog)
    if report.batches:
        yield _growth("batch", "entries a read", report.batches, lambda cost: cost.batch, report.champion_batches)
    if report.widths:
        yield _growth("number of features", "features", report.widths, lambda cost: cost.features)
    if report.drift_costs:
        yield (
            "## Drift reports\n\nOne window compared with the reference, 13 features; memory in addition to the two "
            "samples.\n\n" + _drift_costs(report.drift_costs) + "\n"
        )


def _drift_costs(costs: Sequence[DriftCost]) -> str:
    heads = ("rows", "reference", "processor time", "memory")
    rows = [
        (f"{cost.rows:,}", f"{cost.reference_rows:,}", f"{cost.cpu_s:.2f} s", f"{cost.more_bytes / 1e6:,.1f} MB")
        for cost in costs
    ]
    return table(heads, rows)


def _growth(
    by: str,
    head: str,
    costs: Sequence[GrowthCost],
    size_of: Callable[[GrowthCost], int],
    champion: Sequence[GrowthCost] = (),
) -> str:
    heads = (head, "events/s", "µs an event", "Redis, µs", "both / the first row", "memory", "Redis memory after it")
    first = costs[0].cpu_us + costs[0].redis_cpu_us
    rows = [
        (
            f"{size_of(cost):,}{suffix}",
            f"{cost.events_per_s:,.0f}",
            f"{cost.cpu_us:.1f}",
            f"{cost.redis_cpu_us:.1f}",
            f"{(cost.cpu_us + cost.redis_cpu_us) / first:.2f}",
            f"{cost.peak_bytes / 1e6:.0f} MB",
            f"{cost.redis_bytes / 1e6:,.0f} MB",
        )
        for suffix, each in (("", costs), (", champion", champion))
        for cost in each
    ]
    intro = f"Processor time per event, over {costs[0].events:,} events."
    return f"## Growth with the {by}\n\n{intro}\n\n" + table(heads, rows) + "\n"
