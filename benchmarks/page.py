"""`docs/benchmarks.md`, made from a report: ``python -m benchmarks.page reports/bench.json docs/benchmarks.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.drain_sections import RATIO_HEADS, rates, ratio_cells, uses
from benchmarks.markdown import table
from benchmarks.report import BenchReport
from benchmarks.sections import sections
from benchmarks.targets import QUICK_SHARE
from benchmarks.throughput import Throughput

HEAD = """\
# Benchmarks

`make bench`, or `tasador bench`, measures a consumer as it runs in production, with validation, deduplication, window,
metrics, trimming and heartbeats, on settings that are the defaults. The model is `xgboost-reference`: 300 trees of
depth 4. Figures below were made on {date}{kind}. `make bench-full` measures everything in about half an hour, with
about 5 GB of memory, and writes the report after each part; with `FLAGS=--keep` it goes on where one was interrupted.

Ratios have targets. A full run ends with 1 below one of them; a small run (`--quick`, as in CI, where others work on
the same cores) ends with 1 only below {share:.0%} of a target, whichever it is (`benchmarks/targets.py`).
"""

THROUGHPUT = """\
## Throughput

The rate at which one consumer drains listings that have been published before, beside two others who do it with the
same listings, the same model and the same Redis:

- **bare redis-py loop**: `XREADGROUP` 1000, msgspec, `inplace_predict` and one Lua commit, and nothing else
  (`benchmarks/contenders/bare.py`).
- **FastStream, one by one**: a subscriber that takes one message, validated by pydantic, predicts and publishes
  (`benchmarks/contenders/one_by_one.py`). It drains a fiftieth of the listings.

Where the user's registry has a champion, or `--model` names a version, the consumer's rate with that one stands beside
them; where `--consumers` asks for several, these share the work.

They take turns, another one first in each round, so a ratio compares neighbours in time. A rate is taken from Redis's
clock: n predictions, the entry ids of the first and the last, (n - 1) / (last - first). After each drain the
predictions are read back, and there must be exactly one for each listing. Processor time is counted between the first
look that finds an answer and the last; memory is the most that the system was seen to give a process, and of Redis also
what it counts itself. Medians over {rounds} rounds, with the least and the most.

{rates}

{ratios}

{uses}

Listings of {payload_bytes:.0f} bytes were published by one `ListingPublisher` at {published.median:,.0f} a second
({published.min:,.0f} - {published.max:,.0f}).
"""

FOOT = """\
## The machine

{machine}

This page is made by `python -m benchmarks.page reports/bench.json docs/benchmarks.md`.
"""


def render_page(report: BenchReport) -> str:
    """The page, in Markdown."""
    throughput = [_throughput(report.throughput)] if report.throughput else []
    foot = FOOT.format(machine="\n".join(_machine(report)))
    kind = ", in a small run" if report.is_quick else ""
    head = HEAD.format(date=f"{report.made_at:%Y-%m-%d}", kind=kind, share=QUICK_SHARE)
    return "\n".join([head, *throughput, *sections(report), foot])


def _throughput(found: Throughput) -> str:
    return THROUGHPUT.format(
        rounds=found.rounds,
        rates=rates(found.standings),
        ratios=table(
            ("tasador consumer /", *RATIO_HEADS), [(ratio.title, *ratio_cells(ratio)) for ratio in found.ratios]
        ),
        uses=uses(found.standings),
        payload_bytes=found.payload_bytes,
        published=found.published_per_s,
    )


def _machine(report: BenchReport) -> Iterator[str]:
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
    page.write_text(render_page(BenchReport.model_validate_json(report.read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    main()
