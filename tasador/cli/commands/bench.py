"""`tasador bench`: the consumer's rate beside a bare loop and plain FastStream, and what else can be measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from benchmarks.part import BenchPart
from schemas.errors import ConfigurationError
from schemas.settings import load_settings
from tasador.cli.options import JsonOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tasador.machine.private_redis import PrivateRedis
from transport.connection import connect, speaking_to

if TYPE_CHECKING:
    from benchmarks.report import BenchReport
    from benchmarks.throughput import Spread, Throughput

EXAMPLE = "tasador bench --quick"

LISTINGS = 200_000
ROUNDS = 5
QUICK_ROUNDS = 3
REPORT = Path("reports/bench.json")
DOMAIN = "housing"
"""Whose listings are drained."""


def bench(
    quick: Annotated[bool, typer.Option("--quick", help=f"Less of each part, {QUICK_ROUNDS} rounds.")] = False,
    full: Annotated[bool, typer.Option("--full", help="All parts: half an hour, and 5 GB of memory.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds.", show_default=str(ROUNDS))] = None,
    part: Annotated[
        list[BenchPart] | None, typer.Option(help="What to measure; again for more.", show_default="throughput")
    ] = None,
    listings: Annotated[int, typer.Option(min=2000, max=10_000_000, help="Listings that are drained.")] = LISTINGS,
    consumers: Annotated[int, typer.Option(min=1, max=16, help="So many also drain together.")] = 1,
    model: Annotated[
        str | None,
        typer.Option(help="Measure with it, too: models:/housing/3.", show_default="the champion, if there is one"),
    ] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="A Redis that nothing else uses now.", show_default="a private one")
    ] = None,
    output: Annotated[Path, typer.Option(help="Takes the report, after each part.")] = REPORT,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what the report has already; with --full measure only what it lacks.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure the rate of a consumer beside a bare loop and plain FastStream; or its latency, swaps, start and growth.

    Settings are the defaults, whatever params.yaml says. Ends with 1 if a ratio falls short of its target, or with
    --quick of half of it.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    kept = _kept(output, is_quick=quick) if keep else None
    parts = _all_parts(kept) if full else part or [BenchPart.THROUGHPUT]
    if model and BenchPart.THROUGHPUT not in parts:
        raise typer.BadParameter("--model is measured in throughput, which is not asked for")
    drained = Drained(listings, rounds or (QUICK_ROUNDS if quick else ROUNDS), max(consumers, 2 if full else 1))
    with (
        interrupt_on_signals(),
        tempfile.TemporaryDirectory(prefix="tasador-bench-") as home,
        _redis(redis_url, Path(home)) as url,
        speaking_to(url),
    ):
        output.parent.mkdir(parents=True, exist_ok=True)
        for report in _reports(url, Path(home), parts, drained, model, kept, is_quick=quick):
            # what was measured is kept if the run is interrupted
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


class Drained(NamedTuple):
    """What is drained, and how often."""

    listings: int
    rounds: int
    consumers: int


def _kept(output: Path, *, is_quick: bool) -> BenchReport | None:
    from benchmarks.report import read_report

    return read_report(output, is_quick=is_quick)


def _all_parts(kept: BenchReport | None) -> list[BenchPart]:
    """What a full run measures beside what is kept.

    Raises:
        ConfigurationError: that is nothing.
    """
    from benchmarks.peer_rates import PYTHON

    parts = [part for part in BenchPart if kept is None or not kept.has(part)]
    if BenchPart.PEERS in parts and not PYTHON.exists():
        _tell(f"peers are left out: there is no {PYTHON}, which `make bench-peers` makes")
        parts.remove(BenchPart.PEERS)
    if not parts:
        raise ConfigurationError("the report has all parts already: leave --keep out to measure them again")
    return parts


def _reports(
    url: str,
    home: Path,
    parts: Sequence[BenchPart],
    drained: Drained,
    model: str | None,
    kept: BenchReport | None,
    *,
    is_quick: bool,
) -> Iterator[BenchReport]:
    """A report after each part."""
    with stderr.status("starting"):
        from benchmarks.champion import adopt, find_champion
        from benchmarks.model import train_reference
        from benchmarks.rig import Rig, settings_for
        from benchmarks.run import BenchRun
        from benchmarks.size import Size, quick

        size = (quick if is_quick else Size)(*drained)
        _tell(f"about {size.minutes(parts):.0f} minutes on two cores: {', '.join(parts)}")
        settings, owner = settings_for(url, home), load_settings(domain=DOMAIN)
        champion = find_champion(owner, model) if BenchPart.THROUGHPUT in parts else None
        reference = train_reference(settings, _tell)
        own = adopt(champion, owner, settings, reference.run_id) if champion else None
        run = BenchRun(Rig(url, settings, reference), size, _tell, own)
    yield from run.reports(parts, kept)


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


def _show(report: BenchReport) -> None:
    if report.throughput:
        _show_throughput(report.throughput)
    # what the page says of the other parts is short enough for a screen
    from benchmarks.sections import sections

    for section in sections(report):
        print_line(section)


def _show_throughput(report: Throughput) -> None:
    from benchmarks.drain_sections import rates, uses

    for line in (rates(report.standings), "", uses(report.standings), ""):
        print_line(line)
    print_line(f"published at {_spread(report.published_per_s, ',.0f')} listings/s")
    for ratio in report.ratios:
        verdict = "reached" if ratio.is_reached else "NOT REACHED"
        asked = f"target {ratio.target:g}: {verdict}; fails below {ratio.floor:g}"
        print_line(f"tasador consumer / {ratio.title}: {_spread(ratio.times, '.2f')}; {asked}")


def _spread(figure: Spread, form: str) -> str:
    return f"{figure.median:{form}} ({figure.min:{form}} - {figure.max:{form}})"


def _tell(line: str) -> None:
    print_note(line)
