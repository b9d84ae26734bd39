"""Plots of a report, as SVG files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.drift_cost import DriftCost
from benchmarks.growth import Growth
from benchmarks.latency import LatencyStep
from benchmarks.report import BenchReport
from benchmarks.throughput import Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE_INCHES = (7.0, 4.0)


def write_plots(report: BenchReport, beside: Path) -> list[Path]:
    """Write what was measured as ``<report>-<part>.svg``.

    Args:
        report: of a run.
        beside: the report's file.

    Returns:
        The files.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    written: list[Path] = []
    for part, draw in _drawings(report):
        figure, axes = plt.subplots(figsize=_SIZE_INCHES, layout="constrained")
        draw(axes)
        written.append(beside.with_name(f"{beside.stem}-{part}.svg"))
        figure.savefig(written[-1])
        plt.close(figure)
    return written


def _drawings(report: BenchReport) -> Iterator[tuple[str, Callable[[Axes], None]]]:
    if report.throughput:
        yield "throughput", partial(_rates, report.throughput.standings)
    if report.costs:
        yield "costs", partial(_rates, report.costs.standings)
    if report.latencies:
        yield "latency", partial(_latency, report.latencies)
    if report.scale:
        yield "scale", partial(_rates, [one for found in report.scale for one in found.standings])
    if report.backlogs:
        yield "backlog", partial(_growth, "backlog", report.backlogs)
    if report.batches:
        yield "batch", partial(_growth, "batch", report.batches)
    if report.widths:
        yield "features", partial(_growth, "features", report.widths)
    if report.drift_costs:
        yield "drift", partial(_drift, report.drift_costs)


def _rates(standings: Sequence[Standing], axes: Axes) -> None:
    titles = [f"{one.title}, {one.listings:,}" for one in standings]
    rates = [one.events_per_s for one in standings]
    spread = [[rate.median - rate.min for rate in rates], [rate.max - rate.median for rate in rates]]
    axes.barh(titles, [rate.median for rate in rates], xerr=spread)
    axes.invert_yaxis()
    axes.set_xlabel("events/s, median with the least and the most")


def _latency(steps: tuple[LatencyStep, ...], axes: Axes) -> None:
    rates = [step.events_per_s for step in steps]
    for name in ("p50", "p95", "p99", "p999", "max"):
        axes.plot(rates, [getattr(step, name) for step in steps], marker="o", label=name)
    if saturated := [step.events_per_s for step in steps if step.is_saturated]:
        axes.axvline(min(saturated), linestyle="--", color="grey", label="saturated")
    axes.set(xscale="log", yscale="log", xlabel="listings a second", ylabel="ms from due to readable")
    axes.legend()


def _growth(by: str, sizes: tuple[Growth, ...], axes: Axes) -> None:
    at = [getattr(one, by) for one in sizes]
    axes.plot(at, [one.cpu_us for one in sizes], marker="o", label="consumer")
    axes.plot(at, [one.redis_cpu_us for one in sizes], marker="o", label="Redis")
    axes.set(xscale="log", yscale="log", xlabel=by, ylabel="µs of processor time an event")
    axes.legend()


def _drift(costs: tuple[DriftCost, ...], axes: Axes) -> None:
    small = [one for one in costs if one.reference_rows == costs[0].reference_rows]
    rows = [one.rows for one in small]
    axes.plot(rows, [one.cpu_s for one in small], marker="o", label="s of processor time")
    axes.plot(rows, [one.more_bytes / 1e9 for one in small], marker="o", label="GB of memory")
    axes.set(xscale="log", yscale="log", xlabel="rows")
    axes.legend()
