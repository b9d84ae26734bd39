"""Plots of a report, as SVG files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tasador.bench.drift_cost import DriftCost
from tasador.bench.growth import GrowthCost
from tasador.bench.latency import LatencyStep
from tasador.bench.report import BenchReport
from tasador.bench.throughput import ContenderStanding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE_INCHES = (7.0, 4.0)


def write_plots(report: BenchReport, report_file: Path) -> list[Path]:
    """Write ``<report>-<part>.svg`` for each part that was measured, and return the files."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    written: list[Path] = []
    for part, draw in _drawings(report):
        figure, axes = plt.subplots(figsize=_SIZE_INCHES, layout="constrained")
        draw(axes)
        written.append(report_file.with_name(f"{report_file.stem}-{part}.svg"))
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
        yield "scale", partial(_rates, [standing for size in report.scale for standing in size.standings])
    if report.backlogs:
        yield "backlog", partial(_growth, "backlog", report.backlogs)
    if report.batches:
        yield "batch", partial(_growth, "batch", report.batches)
    if report.widths:
        yield "features", partial(_growth, "features", report.widths)
    if report.drift_costs:
        yield "drift", partial(_drift, report.drift_costs)


def _rates(standings: Sequence[ContenderStanding], axes: Axes) -> None:
    titles = [f"{standing.title}, {standing.listings:,}" for standing in standings]
    rates = [standing.events_per_s for standing in standings]
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
    axes.set(xscale="log", yscale="log", xlabel="listings per second", ylabel="ms from due to readable")
    axes.legend()


def _growth(by: str, costs: tuple[GrowthCost, ...], axes: Axes) -> None:
    sizes = [getattr(cost, by) for cost in costs]
    axes.plot(sizes, [cost.cpu_us for cost in costs], marker="o", label="consumer")
    axes.plot(sizes, [cost.redis_cpu_us for cost in costs], marker="o", label="Redis")
    axes.set(xscale="log", yscale="log", xlabel=by, ylabel="µs of processor time per event")
    axes.legend()


def _drift(costs: tuple[DriftCost, ...], axes: Axes) -> None:
    drawn = [cost for cost in costs if cost.reference_rows == costs[0].reference_rows]
    rows = [cost.rows for cost in drawn]
    axes.plot(rows, [cost.cpu_s for cost in drawn], marker="o", label="s of processor time")
    axes.plot(rows, [cost.more_bytes / 1e9 for cost in drawn], marker="o", label="GB of memory")
    axes.set(xscale="log", yscale="log", xlabel="rows")
    axes.legend()
