"""Sections of the report on drains: rates, usage of each process, costs of features, and larger numbers of listings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tasador.bench.markdown import table
from tasador.bench.rollout import RolloutDrain
from tasador.bench.stored import SUBJECTS, StoredDrain
from tasador.bench.throughput import ContenderStanding, RateRatio, ThroughputReport, UsageSummary
from tasador.bench.traced import TracedDrains

RATIO_HEADS = ("median", "least", "most", "target", "fails below", "")
_LARGE = 10
"""From here on a ratio is shown with one decimal."""
_COSTS = """\
## What the window, the metrics and deduplication cost

The consumer compared with itself without one of them, and without all three (`tasador/bench/contenders/lean.py`).
All of them drain the same listings in each of {rounds} rounds (`tasador bench --part costs`).

{rows}
"""
_STORED = """\
## What stored features cost

Every listing names one of {subjects:,} properties and takes features from the store (`docs/stored-features.md`); the
ratio is to the drain of whole listings in the same round (`tasador bench --part stored`).

{rows}
"""
_ROLLOUTS = """\
## What a rollout costs

A challenger that costs as much as the champion beside it (`docs/rollouts.md`); the ratio is to the drain without a
rollout in the same round (`tasador bench --part rollout`). *Challenger* is the time of its scoring, for each listing of
the stream; *more* is all that an event costs beyond that.

{rows}
"""
_TRACED = """\
## What traces cost

1 % of the listings are traced, at random; the consumer drains them with traces sent to a receiver on the same machine,
and without (`docs/observability.md`). The ratio is within a round (`tasador bench --part traced`).

{rows}
"""
_AOF = """\
## With an append-only file

The same drains with `appendonly yes` and `appendfsync everysec`, as `tasador up` runs its Redis, for both contenders.
Medians over {rounds} rounds (`tasador bench --part aof`).

{rates}

{ratios}
"""
_BUSY = """\
## On busy cores

The same drains while another program on each core runs and sleeps for 5 ms in turn (`tasador/bench/conditions.py`).
Medians over {rounds} rounds (`tasador bench --part busy`).

{rates}

{ratios}
"""
_CLASSES = """\
## Classes

The champion of a domain of classes, which drains listings of its own, beside the bare loop, which drains housing with
the reference model. Medians over {rounds} rounds (`tasador bench --part classes`).

{rates}

{ratios}
"""
_SCALE = """\
## At scale

One consumer, and several that share the work. Medians over {rounds} rounds; memory is the peak
(`tasador bench --part scale`).

{rates}

{usage}
"""


def rates_table(standings: Sequence[ContenderStanding]) -> str:
    """The rates of contenders, as a table."""
    return table(("", "listings", "events/s", "least", "most"), map(_rate, standings))


def usage_table(standings: Iterable[ContenderStanding]) -> str:
    """What each process used, as a table; for Redis also the memory that it reports itself."""
    rows = [row for standing in standings for row in _usage(standing)]
    return table(("", "process", "CPU s", "µs an event", "memory", "Redis's own count"), rows)


def ratio_cells(ratio: RateRatio) -> tuple[str, ...]:
    """Cells under `RATIO_HEADS`."""
    times, form = ratio.times, ".3f" if ratio.times.median < _LARGE else ".1f"
    limits = [f"{value:g}" if value is not None else "" for value in (ratio.target, ratio.floor)]
    return f"**{times.median:{form}}**", f"{times.min:{form}}", f"{times.max:{form}}", *limits, _verdict(ratio)


def _verdict(ratio: RateRatio) -> str:
    if ratio.target is None:
        return ""
    return "reached" if ratio.is_reached else "not reached"


def ratios_table(ratios: Iterable[RateRatio]) -> str:
    """Ratios of rates, as a table."""
    rows = [(f"{ratio.of} / {ratio.title}", *ratio_cells(ratio)) for ratio in ratios]
    return table(("", *RATIO_HEADS), rows)


def aof_section(report: ThroughputReport) -> str:
    """The rates with an append-only file."""
    return _rates_and_ratios(_AOF, report)


def busy_section(report: ThroughputReport) -> str:
    """The rates on busy cores."""
    return _rates_and_ratios(_BUSY, report)


def classes_section(report: ThroughputReport) -> str:
    """The rate of a champion of classes."""
    return _rates_and_ratios(_CLASSES, report)


def _rates_and_ratios(form: str, report: ThroughputReport) -> str:
    rates, ratios = rates_table(report.standings), ratios_table(report.ratios)
    return form.format(rounds=report.rounds, rates=rates, ratios=ratios)


def costs_section(costs: ThroughputReport) -> str:
    """What features of the consumer cost."""
    heads = ("tasador consumer /", *RATIO_HEADS, "events/s", "µs an event", "Redis, µs")
    consumer, *reduced = costs.standings
    rows = [(ratio.title, *ratio_cells(ratio), *_work(one)) for ratio, one in zip(costs.ratios, reduced, strict=True)]
    blank = [""] * len(RATIO_HEADS)
    return _COSTS.format(rounds=costs.rounds, rows=table(heads, [*rows, (consumer.title, *blank, *_work(consumer))]))


def stored_section(drains: Sequence[StoredDrain]) -> str:
    """What listings cost that take features from the store."""
    heads = ("features from the store", *RATIO_HEADS, "events/s", "µs an event", "Redis, µs")
    rows = [
        (
            f"{each.stored} of {each.features}",
            *(ratio_cells(each.ratio) if each.stored else [""] * len(RATIO_HEADS)),
            f"{each.events_per_s.median:,.0f}",
            f"{each.cpu_us:.2f}",
            f"{each.redis_cpu_us:.2f}",
        )
        for each in drains
    ]
    return _STORED.format(subjects=SUBJECTS, rows=table(heads, rows))


def traced_section(drains: TracedDrains) -> str:
    """What traces cost."""
    heads = ("tasador consumer", *RATIO_HEADS, "events/s", "µs an event")
    rows = [
        ("with traces", *ratio_cells(drains.ratio), f"{drains.on.median:,.0f}", f"{drains.on_us:.2f}"),
        ("without", *[""] * len(RATIO_HEADS), f"{drains.off.median:,.0f}", f"{drains.off_us:.2f}"),
    ]
    return _TRACED.format(rows=table(heads, rows))


def scale_section(sizes: Sequence[ThroughputReport]) -> str:
    """What one consumer and several do with many listings."""
    standings = [standing for size in sizes for standing in size.standings]
    return _SCALE.format(rounds=sizes[0].rounds, rates=rates_table(standings), usage=usage_table(standings))


def _rate(standing: ContenderStanding) -> tuple[str, ...]:
    rate = standing.events_per_s
    return standing.title, f"{standing.listings:,}", f"**{rate.median:,.0f}**", f"{rate.min:,.0f}", f"{rate.max:,.0f}"


def _usage(standing: ContenderStanding) -> Iterator[tuple[str, ...]]:
    title = f"{standing.title}, {standing.listings:,}"
    for usage in (*standing.processes, standing.redis):
        yield title, usage.title, *_figures(usage)
        title = ""


def _figures(usage: UsageSummary) -> tuple[str, ...]:
    redis_used = "" if usage.used_bytes is None else f"{usage.used_bytes / 1e6:,.0f} MB"
    cpu_s, cpu_us = usage.cpu_s.median, usage.cpu_us.median
    return f"{cpu_s:.2f}", f"{cpu_us:,.1f}", f"{usage.peak_bytes / 1e6:,.0f} MB", redis_used


def _work(standing: ContenderStanding) -> tuple[str, str, str]:
    (process,) = standing.processes
    redis = standing.redis
    return f"{standing.events_per_s.median:,.0f}", f"{process.cpu_us.median:.2f}", f"{redis.cpu_us.median:.2f}"


def rollouts_section(drains: Sequence[RolloutDrain]) -> str:
    """What a challenger beside the champion costs."""
    without, *others = drains
    heads = ("", *RATIO_HEADS, "events/s", "µs an event", "challenger", "more", "Redis, µs")
    rows = [
        (
            each.title,
            *(ratio_cells(each.ratio) if each in others else [""] * len(RATIO_HEADS)),
            f"{each.events_per_s.median:,.0f}",
            f"{each.cpu_us:.2f}",
            f"{each.challenger_us:.2f}" if each.challenger_us else "",
            f"{each.cpu_us - without.cpu_us - each.challenger_us:.2f}" if each.challenger_us else "",
            f"{each.redis_cpu_us:.2f}",
        )
        for each in drains
    ]
    return _ROLLOUTS.format(rows=table(heads, rows))
