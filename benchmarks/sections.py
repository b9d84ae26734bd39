"""The sections of the page beside throughput, each from its part of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from benchmarks.growth import Growth
from benchmarks.latency import LatencyStep
from benchmarks.peer_rates import Peer
from benchmarks.report import Report
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import Standing, Throughput


def sections(report: Report) -> Iterator[str]:
    """The sections of what was measured, in Markdown."""
    if report.latencies:
        yield _latency(report.latencies)
    if report.swaps:
        yield _swaps(report.swaps)
    if report.starts:
        yield _starts(report.starts)
    if report.backlogs:
        yield _growth("backlog", "backlog", report.backlogs)
    if report.batches:
        yield _growth("batch", "entries a read", report.batches)
    if report.costs:
        yield _costs(report.costs)
    if report.peers:
        yield _peers(report.peers, report.throughput)


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    rule = ("---", *("---:" for _ in heads[1:]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


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
        "reads share the cores.\n\n" + table(heads, rows) + "\n"
    )


def _swaps(swaps: Swaps) -> str:
    heads = (f"at {swaps.events_per_s:,} events/s", "longest wait ms", "p99.9")
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


def _growth(by: str, head: str, sizes: tuple[Growth, ...]) -> str:
    heads = (head, "µs an event", "Redis, µs", "both, beside the first", "memory", "Redis memory after it")
    first = sizes[0].cpu_us + sizes[0].redis_cpu_us
    rows = [
        (
            f"{one.backlog if by == 'backlog' else one.batch:,}",
            f"{one.cpu_us:.1f}",
            f"{one.redis_cpu_us:.1f}",
            f"{(one.cpu_us + one.redis_cpu_us) / first:.2f}",
            f"{one.peak_bytes / 1e6:.0f} MB",
            f"{one.redis_bytes / 1e6:,.0f} MB",
        )
        for one in sizes
    ]
    return f"## Growth with the {by}\n\nProcessor time for each event.\n\n" + table(heads, rows) + "\n"


def _costs(costs: Throughput) -> str:
    heads = ("tasador consumer /", "median", "least", "most", "target", "events/s", "µs an event", "Redis, µs")
    whole, *lean = costs.standings
    rows = [
        (
            ratio.title,
            f"**{ratio.times.median:.3f}**",
            f"{ratio.times.min:.3f}",
            f"{ratio.times.max:.3f}",
            f"{ratio.target:g}",
            *_work(one),
        )
        for ratio, one in zip(costs.ratios, lean, strict=True)
    ]
    return (
        "## What the window and the metrics cost\n\nThe consumer beside itself with one part taken out "
        "(`benchmarks/contenders/lean.py`), in turn, round after round;\n"
        f"{costs.rounds} rounds (`tasador bench --part costs`).\n\n"
        + table(heads, [*rows, (whole.title, "", "", "", "", *_work(whole))])
        + "\n"
    )


def _work(one: Standing) -> tuple[str, str, str]:
    return f"{one.events_per_s.median:,.0f}", f"{one.cpu_us.median:.2f}", f"{one.redis_cpu_us.median:.2f}"


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
