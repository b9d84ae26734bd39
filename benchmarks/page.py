"""`docs/benchmarks.md`, made from a report: ``python -m benchmarks.page reports/bench.json docs/benchmarks.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Report
from benchmarks.sections import sections, table
from benchmarks.throughput import Ratio, Standing, Throughput

HEAD = """\
# Benchmarks

`make bench`, or `tasador bench`, measures a consumer as it runs in production, with validation, deduplication, window,
metrics, trimming and heartbeats, on settings that are the defaults. The model is `xgboost-reference`: 300 trees of
depth 4. Figures below were made on {date}.
"""

THROUGHPUT = """\
## Throughput

The rate at which one consumer drains listings that have been published before, beside two others who do it with the
same listings, the same model and the same Redis:

- **bare redis-py loop**: `XREADGROUP` 1000, msgspec, `inplace_predict` and one Lua commit, and nothing else
  (`benchmarks/contenders/bare.py`).
- **FastStream, one by one**: a subscriber that takes one message, validated by pydantic, predicts and publishes
  (`benchmarks/contenders/one_by_one.py`). It drains a fiftieth of the listings.

They take turns, another one first in each round, so a ratio compares neighbours in time. A rate is taken from Redis's
clock: n predictions, the entry ids of the first and the last, (n - 1) / (last - first). After each drain the
predictions are read back, and there must be exactly one for each listing. Processor time is counted between the first
look that finds an answer and the last; memory is the most that was seen. Medians over {rounds} rounds, with the least
and the most.

{rates}

{ratios}

{costs}

Listings of {payload_bytes:.0f} bytes were published by one `ListingPublisher` at {published.median:,.0f} a second
({published.min:,.0f} - {published.max:,.0f}).
"""

FOOT = """\
## The machine

{machine}

This page is made by `python -m benchmarks.page reports/bench.json docs/benchmarks.md`.
"""


def render_page(report: Report) -> str:
    """The page, in Markdown."""
    throughput = [_throughput(report.throughput)] if report.throughput else []
    foot = FOOT.format(machine="\n".join(_machine(report)))
    return "\n".join([HEAD.format(date=f"{report.made_at:%Y-%m-%d}"), *throughput, *sections(report), foot])


def _throughput(found: Throughput) -> str:
    return THROUGHPUT.format(
        rounds=found.rounds,
        rates=table(("", "listings", "events/s", "least", "most"), map(_rate, found.standings)),
        ratios=table(("tasador consumer /", "median", "least", "most", "target"), map(_ratio, found.ratios)),
        costs=table(
            ("", "CPU s", "µs an event", "memory", "Redis CPU s", "µs an event", "Redis memory"),
            map(_cost, found.standings),
        ),
        payload_bytes=found.payload_bytes,
        published=found.published_per_s,
    )


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
