"""`docs/benchmarks.md`, made from a report: ``python -m benchmarks.page reports/bench.json docs/benchmarks.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Ratio, Report, Standing

PAGE = """\
# Benchmarks

`make bench`, or `tasador bench`, measures the rate at which one consumer drains listings that have been published
before, beside two others who do it with the same listings, the same model and the same Redis:

- **tasador consumer**: `tasador consumer` as in production, with validation, deduplication, window, metrics, trimming
  and heartbeats.
- **bare redis-py loop**: `XREADGROUP` 1000, msgspec, `inplace_predict` and one Lua commit, and nothing else
  (`benchmarks/contenders/bare.py`).
- **FastStream, one by one**: a subscriber that takes one message, validated by pydantic, predicts and publishes
  (`benchmarks/contenders/one_by_one.py`). It drains a fiftieth of the listings.

They take turns, another one first in each round, so a ratio compares neighbours in time. The model is
`xgboost-reference`: 300 trees of depth 4. A rate is taken from Redis's clock: n predictions, the entry ids of the first
and the last, (n - 1) / (last - first). After each drain the predictions are read back, and there must be exactly one
for each listing. Processor time is counted between the first look that finds an answer and the last; memory is the most
that was seen. The consumer's settings are the defaults.

Figures below are medians over {rounds} rounds, with the least and the most; they were made on {date}.

{rates}

{ratios}

{costs}

Listings of {payload_bytes:.0f} bytes were published by one `ListingPublisher` at {published.median:,.0f} a second
({published.min:,.0f} - {published.max:,.0f}).

## The machine

{machine}

This page is made by `python -m benchmarks.page reports/bench.json docs/benchmarks.md`.
"""


def render_page(report: Report) -> str:
    """The page, in Markdown."""
    return PAGE.format(
        rounds=report.rounds,
        date=f"{report.made_at:%Y-%m-%d}",
        rates=_table(("", "listings", "events/s", "least", "most"), map(_rate, report.standings)),
        ratios=_table(("tasador consumer /", "median", "least", "most", "target"), map(_ratio, report.ratios)),
        costs=_table(
            ("", "CPU s", "µs an event", "memory", "Redis CPU s", "µs an event", "Redis memory"),
            map(_cost, report.standings),
        ),
        payload_bytes=report.payload_bytes,
        published=report.published_per_s,
        machine="\n".join(_machine(report)),
    )


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    rule = ("---", *("---:" for _ in heads[1:]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _rate(one: Standing) -> tuple[str, ...]:
    rate = one.events_per_s
    return one.title, f"{one.listings:,}", f"**{rate.median:,.0f}**", f"{rate.min:,.0f}", f"{rate.max:,.0f}"


def _ratio(ratio: Ratio) -> tuple[str, ...]:
    times = ratio.times
    return ratio.title, f"**{times.median:.2f}**", f"{times.min:.2f}", f"{times.max:.2f}", f"{ratio.target:g}"


def _cost(one: Standing) -> tuple[str, ...]:
    return (
        one.title,
        f"{one.cpu_s.median:.2f}",
        f"{one.cpu_us.median:,.1f}",
        f"{one.peak_bytes / 1e6:,.0f} MB",
        f"{one.redis_cpu_s.median:.2f}",
        f"{one.redis_cpu_us.median:,.1f}",
        f"{one.redis_peak_bytes / 1e6:,.0f} MB",
    )


def _machine(report: Report) -> Iterator[str]:
    machine = report.machine
    yield (
        f"{machine.processor}, {machine.cores} cores shared by Redis and whoever drains, "
        f"{machine.memory_bytes / 2**30:.0f} GiB, {machine.system}; load before the start {machine.load:g}."
    )
    yield ""
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in machine.versions.items()) + "."


def main() -> None:
    """Write the page: the report's file is the first argument, the page's the second."""
    report, page = map(Path, sys.argv[1:3])
    page.write_text(render_page(Report.model_validate_json(report.read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    main()
