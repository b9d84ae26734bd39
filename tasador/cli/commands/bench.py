"""`tasador bench`: the consumer's rate beside a bare loop and plain FastStream, and its other figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigurationError
from schemas.settings import load_settings
from tasador.bench.part import BenchPart
from tasador.cli.options import JsonOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note, stderr, write_json

if TYPE_CHECKING:
    from tasador.bench.report import BenchReport
    from tasador.bench.size import BenchSize
    from tasador.bench.throughput import Spread, ThroughputReport

EXAMPLE = "tasador bench --quick"

LISTINGS = 200_000
ROUNDS = 5
QUICK_ROUNDS = 3
REPORT = Path("reports/bench.json")
DOMAIN = "housing"
"""The domain whose listings are drained."""
_WITH_CHAMPION = frozenset(BenchPart) - {BenchPart.CLASSES, BenchPart.COSTS, BenchPart.DRIFT}
"""The parts that measure a champion beside the reference model."""


def bench(
    quick: Annotated[bool, typer.Option("--quick", help=f"Measure less, in {QUICK_ROUNDS} rounds.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Measure all parts: 45 minutes, 5 GB of memory.")] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Number of rounds.", show_default=f"{ROUNDS}, --quick: {QUICK_ROUNDS}")
    ] = None,
    part: Annotated[
        list[BenchPart] | None, typer.Option(help="Part to measure; may be repeated.", show_default="throughput")
    ] = None,
    listings: Annotated[
        int, typer.Option(min=2000, max=10_000_000, help="Number of listings to drain in a round.")
    ] = LISTINGS,
    consumers: Annotated[int, typer.Option(min=1, max=16, help="Also measure this many consumers together.")] = 1,
    model: Annotated[
        str | None,
        typer.Option(help="Also measure with this model: models:/housing/3.", show_default="the champion, if any"),
    ] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="A Redis without other clients.", show_default="a private one")
    ] = None,
    output: Annotated[Path, typer.Option(help="Report file, written after each part.")] = REPORT,
    keep: Annotated[
        bool, typer.Option("--keep", help="Add to the report; with --full measure only the missing parts.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a consumer's rate beside a bare loop and plain FastStream, or its latency, swaps, start and growth.

    Uses the default settings and ignores params.yaml. Exits with 1 if a ratio is below its target, with --quick below
    half of it.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    with stderr.status("starting"):
        from tasador.bench.plots import write_plots
        from tasador.bench.report import read_report
        from tasador.bench.size import BenchSize, quick_size

    kept = read_report(output, is_quick=quick) if keep else None
    parts = _missing_parts(kept) if full else part or [BenchPart.THROUGHPUT]
    if model and not _WITH_CHAMPION.intersection(parts):
        raise typer.BadParameter(f"--model needs a part that measures it: {', '.join(sorted(_WITH_CHAMPION))}")
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    size = (quick_size if quick else BenchSize)(listings, rounds, max(consumers, 2 if full else 1))
    output.parent.mkdir(parents=True, exist_ok=True)
    with interrupt_on_signals():
        for report in _reports(redis_url, parts, size, model, kept, is_full=full):
            # an interrupted run keeps the parts that it has measured
            output.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    plots = write_plots(report, output)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        _print_report(report)
        print_note(f"report: {output}, and {len(plots)} plots beside it")
    if not report.is_good:
        raise typer.Exit(1)


def _missing_parts(kept: BenchReport | None) -> list[BenchPart]:
    parts = [part for part in BenchPart if kept is None or not kept.has(part)]
    if not parts:
        raise ConfigurationError("the report has all parts already; omit --keep to measure them again")
    return parts


def _reports(
    redis_url: str | None,
    parts: Sequence[BenchPart],
    size: BenchSize,
    model: str | None,
    kept: BenchReport | None,
    *,
    is_full: bool,
) -> Iterator[BenchReport]:
    with stderr.status("starting"):
        from tasador.bench.champion import copy_champion, find_champion, find_rig_of_classes
        from tasador.bench.model import train_champion, train_reference
        from tasador.bench.rig import Rig, bench_workspace, settings_for
        from tasador.bench.run import BenchRun

    with bench_workspace(redis_url) as (url, home):
        settings, owner = settings_for(url, home), load_settings(domain=DOMAIN)
        champion = find_champion(owner, model) if _WITH_CHAMPION.intersection(parts) else None
        minutes = size.minutes(parts, has_champion=is_full or champion is not None)
        print_note(f"about {minutes:.0f} minutes on two cores: {', '.join(parts)}")
        with stderr.status("training the reference model"):
            reference = train_reference(settings, print_note)
        rig, measured = Rig(url, settings, reference), None
        if champion:
            measured = copy_champion(champion, owner, settings, reference.run_id)
        elif is_full:
            with stderr.status("training a champion, since there is none"):
                measured = train_champion(settings, print_note)
        of_classes = find_rig_of_classes(rig) if BenchPart.CLASSES in parts else None
        yield from BenchRun(rig, size, print_note, measured, of_classes).reports(parts, kept)


def _print_report(report: BenchReport) -> None:
    if report.throughput:
        _print_throughput(report.throughput)
    from tasador.bench.sections import sections

    for section in sections(report):
        print_line(section)


def _print_throughput(report: ThroughputReport) -> None:
    from tasador.bench.drain_sections import rates_table, usage_table

    for line in (rates_table(report.standings), "", usage_table(report.standings), ""):
        print_line(line)
    print_line(f"published at {_spread(report.published_per_s, ',.0f')} listings/s")
    for ratio in report.ratios:
        verdict = "reached" if ratio.is_reached else "NOT REACHED"
        fails = f"; fails below {ratio.floor:g}" if ratio.floor else ""
        target = f"target {ratio.target:g}: {verdict}{fails}"
        print_line(f"{ratio.of} / {ratio.title}: {_spread(ratio.times, '.2f')}; {target}")


def _spread(figure: Spread, form: str) -> str:
    return f"{figure.median:{form}} ({figure.min:{form}} - {figure.max:{form}})"
