"""The sections of the page on what was drained: what each process used, costs of parts, and larger sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.markdown import table
from benchmarks.throughput import Ratio, Standing, Throughput, Usage

RATIO_HEADS = ("median", "least", "most", "target", "fails below", "")
_LARGE = 10
"""From here on a ratio says enough with one decimal."""
_COSTS = """\
## What the window, the metrics and deduplication cost

The consumer beside itself with one of them taken out, and with all three (`benchmarks/contenders/lean.py`), in turn,
round after round; rounds: {rounds} (`tasador bench --part costs`).

{rows}
"""
_SCALE = """\
## At scale

One consumer and several, which share the work. Medians, memory at its peak; rounds: {rounds}
(`tasador bench --part scale`).

{rates}

{uses}
"""


def rates(standings: Sequence[Standing]) -> str:
    """How fast they were, as a table."""
    return table(("", "listings", "events/s", "least", "most"), map(_rate, standings))


def uses(standings: Iterable[Standing]) -> str:
    """What each process used, as a table; of Redis what the system gives it, and what it counts itself."""
    rows = [row for standing in standings for row in _uses(standing)]
    return table(("", "process", "CPU s", "µs an event", "memory", "counted"), rows)


def ratio_cells(ratio: Ratio) -> tuple[str, ...]:
    """The ratio, its spread, what it is to reach, and what a run must reach not to end with 1."""
    times, form = ratio.times, ".3f" if ratio.times.median < _LARGE else ".1f"
    asked = [f"{value:g}" if value is not None else "" for value in (ratio.target, ratio.floor)]
    return f"**{times.median:{form}}**", f"{times.min:{form}}", f"{times.max:{form}}", *asked, verdict_of(ratio)


def verdict_of(ratio: Ratio) -> str:
    """Whether a target is reached; nothing where there is none."""
    if ratio.target is None:
        return ""
    return "reached" if ratio.is_reached else "not reached"


def costs_section(costs: Throughput) -> str:
    """What parts of the consumer cost."""
    heads = ("tasador consumer /", *RATIO_HEADS, "events/s", "µs an event", "Redis, µs")
    whole, *lean = costs.standings
    rows = [(ratio.title, *ratio_cells(ratio), *_work(one)) for ratio, one in zip(costs.ratios, lean, strict=True)]
    blank = [""] * len(RATIO_HEADS)
    return _COSTS.format(rounds=costs.rounds, rows=table(heads, [*rows, (whole.title, *blank, *_work(whole))]))


def scale_section(sizes: Sequence[Throughput]) -> str:
    """What one consumer and several do with many listings."""
    standings = [standing for found in sizes for standing in found.standings]
    return _SCALE.format(rounds=sizes[0].rounds, rates=rates(standings), uses=uses(standings))


def _rate(one: Standing) -> tuple[str, ...]:
    rate = one.events_per_s
    return one.title, f"{one.listings:,}", f"**{rate.median:,.0f}**", f"{rate.min:,.0f}", f"{rate.max:,.0f}"


def _uses(standing: Standing) -> Iterator[tuple[str, ...]]:
    title = f"{standing.title}, {standing.listings:,}"
    for usage in (*standing.processes, standing.redis):
        yield title, usage.title, *_figures(usage)
        title = ""


def _figures(usage: Usage) -> tuple[str, ...]:
    counted = "" if usage.used_bytes is None else f"{usage.used_bytes / 1e6:,.0f} MB"
    cpu_s, cpu_us = usage.cpu_s.median, usage.cpu_us.median
    return f"{cpu_s:.2f}", f"{cpu_us:,.1f}", f"{usage.peak_bytes / 1e6:,.0f} MB", counted


def _work(one: Standing) -> tuple[str, str, str]:
    (process,) = one.processes
    return f"{one.events_per_s.median:,.0f}", f"{process.cpu_us.median:.2f}", f"{one.redis.cpu_us.median:.2f}"
