"""`tasador bench`: the consumer's rate beside a bare loop and plain FastStream, and what else can be measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from benchmarks.part import Part
from tasador.console import err, out, write_json
from tasador.options import JsonOption
from tasador.private_redis import PrivateRedis
from tasador.stopping import interrupted_when_told
from transport.connection import connect, speaking_to

if TYPE_CHECKING:
    from benchmarks.report import Report
    from benchmarks.throughput import Spread, Throughput

EXAMPLE = "tasador bench --quick"

LISTINGS = 200_000
ROUNDS = 5
QUICK_ROUNDS = 3
REPORT = Path("reports/bench.json")
MEGABYTE = 1_000_000


def bench(
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK_ROUNDS} rounds.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds.", show_default=str(ROUNDS))] = None,
    part: Annotated[
        list[Part] | None, typer.Option(help="What to measure; again for more.", show_default="throughput")
    ] = None,
    listings: Annotated[int, typer.Option(min=2000, max=10_000_000, help="Listings that are drained.")] = LISTINGS,
    consumers: Annotated[int, typer.Option(min=1, max=16, help="So many also drain together.")] = 1,
    redis_url: Annotated[
        str | None, typer.Option(help="A Redis that nothing else uses now.", show_default="a private one")
    ] = None,
    output: Annotated[Path, typer.Option(help="Takes the report.")] = REPORT,
    as_json: JsonOption = False,
) -> None:
    """Measure the rate of a consumer beside a bare loop and plain FastStream; or its latency, swaps, start and growth.

    Settings are the defaults, whatever params.yaml says. Ends with 1 if the consumer falls short of its targets.
    """
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    with (
        interrupted_when_told(),
        tempfile.TemporaryDirectory(prefix="tasador-bench-") as home,
        _redis(redis_url, Path(home)) as url,
        speaking_to(url),
    ):
        report = _measure(url, Path(home), part or [Part.THROUGHPUT], (listings, rounds, consumers), is_quick=quick)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    from benchmarks.plots import write_plots

    plots = write_plots(report, output)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        _show(report)
        _tell(f"report: {output}, and {len(plots)} plots beside it")
    if not report.is_good:
        raise typer.Exit(1)


def _measure(url: str, home: Path, parts: Sequence[Part], drained: tuple[int, int, int], *, is_quick: bool) -> Report:
    with err.status("starting"):
        from benchmarks.model import train_reference
        from benchmarks.rig import Rig, settings_for
        from benchmarks.run import Size, quick, run

        settings = settings_for(url, home)
        rig = Rig(url, settings, train_reference(settings, _tell))
        return run(rig, parts, (quick if is_quick else Size)(*drained), _tell)


@contextmanager
def _redis(named: str | None, home: Path) -> Iterator[str]:
    """The named Redis, or a private one that keeps nothing on disk."""
    if named is not None:
        yield named
        return
    server = PrivateRedis(home / "redis")
    server.start()
    try:
        with connect(server.url) as client:
            client.config_set("appendonly", "no")
        yield server.url
    finally:
        server.stop()


def _show(report: Report) -> None:
    if report.throughput:
        _show_throughput(report.throughput)
    # what the page says of the other parts is short enough for a screen
    from benchmarks.sections import sections

    for section in sections(report):
        out.print(section, highlight=False, markup=False)


def _show_throughput(report: Throughput) -> None:
    table = Table("", "LISTINGS", "EVENTS/S", "MIN", "MAX", box=None, pad_edge=False)
    for one in report.standings:
        rate = one.events_per_s
        table.add_row(one.title, f"{one.listings:,}", f"{rate.median:,.0f}", f"{rate.min:,.0f}", f"{rate.max:,.0f}")
    out.print(table, "", _costs(report), "")
    out.print(f"published at {_spread(report.published_per_s, ',.0f')} listings/s", highlight=False)
    for ratio in report.ratios:
        verdict = "reached" if ratio.is_reached else "NOT REACHED"
        line = f"tasador consumer / {ratio.title}: {_spread(ratio.times, '.2f')}; target {ratio.target:g}: {verdict}"
        out.print(line, highlight=False)


def _costs(report: Throughput) -> Table:
    heads = ("CPU s", "µs/EVENT", "MEMORY MB", "REDIS CPU s", "µs/EVENT", "MEMORY MB")
    table = Table("", *heads, box=None, pad_edge=False)
    for one in report.standings:
        table.add_row(
            one.title,
            f"{one.cpu_s.median:.2f}",
            f"{one.cpu_us.median:,.1f}",
            f"{one.peak_bytes / MEGABYTE:,.0f}",
            f"{one.redis_cpu_s.median:.2f}",
            f"{one.redis_cpu_us.median:,.1f}",
            f"{one.redis_peak_bytes / MEGABYTE:,.0f}",
        )
    return table


def _spread(figure: Spread, form: str) -> str:
    return f"{figure.median:{form}} ({figure.min:{form}} - {figure.max:{form}})"


def _tell(line: str) -> None:
    err.print(line, highlight=False, markup=False, soft_wrap=True)
