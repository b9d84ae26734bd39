"""The sections of the page on growth: with the backlog, the batch, the width of a listing, and the rows of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.drift_cost import DriftCost
from benchmarks.growth import Growth
from benchmarks.markdown import table
from benchmarks.report import BenchReport


def growth_sections(report: BenchReport) -> Iterator[str]:
    """The sections of what was measured, in Markdown."""
    if report.backlogs:
        yield _growth("backlog", "backlog", report.backlogs, lambda one: one.backlog)
    if report.batches:
        yield _growth("batch", "entries a read", report.batches, lambda one: one.batch)
    if report.widths:
        yield _growth("number of features", "features", report.widths, lambda one: one.features)
    if report.drift_costs:
        yield (
            "## Drift reports\n\nOne window beside the reference, 13 features; memory beyond that of the two "
            "samples.\n\n" + drift_costs(report.drift_costs) + "\n"
        )


def drift_costs(costs: Sequence[DriftCost]) -> str:
    """What reports cost, as a table."""
    heads = ("rows", "reference", "processor time", "memory")
    rows = [
        (f"{one.rows:,}", f"{one.reference_rows:,}", f"{one.cpu_s:.2f} s", f"{one.more_bytes / 1e6:,.1f} MB")
        for one in costs
    ]
    return table(heads, rows)


def _growth(by: str, head: str, sizes: Sequence[Growth], size_of: Callable[[Growth], int]) -> str:
    heads = (head, "events/s", "µs an event", "Redis, µs", "both, beside the first", "memory", "Redis memory after it")
    first = sizes[0].cpu_us + sizes[0].redis_cpu_us
    rows = [
        (
            f"{size_of(one):,}",
            f"{one.events_per_s:,.0f}",
            f"{one.cpu_us:.1f}",
            f"{one.redis_cpu_us:.1f}",
            f"{(one.cpu_us + one.redis_cpu_us) / first:.2f}",
            f"{one.peak_bytes / 1e6:.0f} MB",
            f"{one.redis_bytes / 1e6:,.0f} MB",
        )
        for one in sizes
    ]
    said = f"Processor time for each event, over {sizes[0].events:,} of them."
    return f"## Growth with the {by}\n\n{said}\n\n" + table(heads, rows) + "\n"
