"""The sections of the page beside throughput, each from its part of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.drain_sections import costs_section, scale_section
from benchmarks.goals import Goal, goals_of
from benchmarks.growth_sections import growth_sections
from benchmarks.latency import LatencyStep
from benchmarks.markdown import table
from benchmarks.peer_rates import Peer
from benchmarks.report import Report
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import Throughput


def sections(report: Report) -> Iterator[str]:
    """The sections of what was measured, in Markdown."""
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
    if report.peers:
        yield _peers(report.peers, report.throughput)


def _goals(goals: Sequence[Goal]) -> str:
    rows = [(goal.title, goal.found, goal.target, "reached" if goal.is_reached else "not reached") for goal in goals]
    return (
        "## Times and memory\n\nWhat is asked for in seconds and bytes is reached or not on this machine; it fails no "
        "run.\n\n" + table(("", "found", "target", ""), rows) + "\n"
    )


def _latency(steps: tuple[LatencyStep, ...]) -> str:
    heads = ("events/s", "listings", "p50 ms", "p95", "p99", "p99.9", "longest")
    rows = [
        (
            f"{step.events_per_s:,.0f}{' (saturated)' if step.is_saturated else ''}",
            f"{step.listings:,}",
            *(f"{value:,.2f}" for value in (step.p50, step.p95, step.p99, step.p999, step.max)),
        )
        for step in steps
    ]
    return (
        "## Latency\n\nListings arrive on a clock, whether or not anybody keeps up, and each is waited for from when "
        "it was due\n(`benchmarks/arrivals.py`), until its prediction can be read. Whoever publishes and whoever "
        f"reads share the cores.\n\n{_saturation(steps)}\n\n" + table(heads, rows) + "\n"
    )


def _saturation(steps: tuple[LatencyStep, ...]) -> str:
    kept_up = max((step.events_per_s for step in steps if not step.is_saturated), default=0.0)
    too_much = min((step.events_per_s for step in steps if step.is_saturated), default=None)
    if too_much is None:
        return f"At {kept_up:,.0f} events/s the consumer was not saturated yet."
    kept = f"{kept_up:,.0f} events/s" if kept_up else "no rate that was tried"
    return f"The consumer kept up with {kept} and was saturated at {too_much:,.0f} events/s."


def _swaps(swaps: Swaps) -> str:
    heads = (f"at {swaps.events_per_s:,.0f} events/s", "longest wait ms", "p99.9")
    rows = [
        (f"{swaps.swaps} swaps, one a second", f"{swaps.longest:.1f}", f"{swaps.p999:.1f}"),
        ("no swap, for as long", f"{swaps.longest_without:.1f}", f"{swaps.p999_without:.1f}"),
    ]
    return "## Swaps\n\n" + table(heads, rows) + "\n"


def _starts(starts: tuple[Start, ...]) -> str:
    times = sorted(start.first_s for start in starts)
    return (
        f"## Start\n\nFrom `tasador consumer` to its first prediction, with the model in the local cache: "
        f"{median(times):.2f} s ({times[0]:.2f} -\n{times[-1]:.2f}, {len(times)} starts). Its memory after that: "
        f"{max(start.peak_bytes for start in starts) / 1e6:.0f} MB.\n"
    )


def _peers(peers: tuple[Peer, ...], throughput: Throughput | None) -> str:
    ours = throughput.standings[0].events_per_s.median if throughput else None
    rows = [
        (peer.title, f"{peer.events_per_s:,.0f}", f"{ours / peer.events_per_s:,.0f}" if ours else "not measured")
        for peer in sorted(peers, key=lambda peer: -peer.events_per_s)
    ]
    return (
        "## Peers\n\nThe same model served by others, as their guides have it (`benchmarks/peers`): over HTTP on 32 "
        "keep-alive\nconnections that always have a request under way, or as tasks that were enqueued before.\n\n"
        + table(("", "events/s", "tasador consumer / it"), rows)
        + "\n"
    )
