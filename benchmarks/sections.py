"""The sections of the page beside throughput, each from its part of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.drain_sections import costs_section, scale_section
from benchmarks.goals import Goal, goals_of
from benchmarks.growth_sections import growth_sections
from benchmarks.latency import LatencyStep
from benchmarks.markdown import table
from benchmarks.peer_rates import Peers
from benchmarks.report import BenchReport
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import Spread


def sections(report: BenchReport) -> Iterator[str]:
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
        yield _peers(report.peers)


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


def _peers(found: Peers) -> str:
    heads = ("", "connections", "events/s", "least", "most", "tasador consumer / it", "least", "most", "target")
    best = found.ratio
    rows = [
        (
            peer.title,
            f"{peer.connections or '-'}",
            *_bold_spread(peer.events_per_s, ",.0f"),
            *_bold_spread(peer.times, ",.1f"),
            f"{best.target:g}" if peer.name == best.against else "",
        )
        for peer in sorted(found.peers, key=lambda peer: -peer.events_per_s.median)
    ]
    ours = ("tasador consumer", "-", *_bold_spread(found.consumer, ",.0f"), "", "", "", "")
    return (
        "## Peers\n\nThe same model and the same listings, served by others as their guides have it "
        "(`benchmarks/peers`, `make bench-peers`),\non as many processes as there are cores where the peer has an "
        "option for it; MLServer has one that speaks HTTP. A server is\nasked over keep-alive connections that always "
        f"have a request under way, for {found.seconds:g} s a round once it is warm, by a load\ngenerator that takes "
        "10 to 20 % of one of the same cores. Tasks of streaq were enqueued before. Each answer is\ncompared with what "
        "the model says. The consumer and the peers take turns, another one first in each of "
        f"{found.rounds} rounds. The\ntarget is for the best server that batches.\n\n"
        + table(heads, [*rows, ours])
        + "\n"
        + (f"\n{found.left_out}.\n" if found.left_out else "")
    )


def _bold_spread(figure: Spread, form: str) -> tuple[str, str, str]:
    return f"**{figure.median:{form}}**", f"{figure.min:{form}}", f"{figure.max:{form}}"
