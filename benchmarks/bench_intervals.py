"""`python -m benchmarks.bench_intervals`: coverage, width and cost of intervals, and the rates of the alarm."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.intervals.alarm import outcomes_to_find, share_of_alarms, share_of_streams
from benchmarks.intervals.cost import us_per_row
from benchmarks.intervals.mapie import reaches_of_mapie
from benchmarks.intervals.report import AlarmFigures, IntervalsReport, TableFigures, way_figures
from benchmarks.intervals.section import section_of
from benchmarks.intervals.ways import OURS, PLAIN, FoldPredictions, reach_of_ours, reach_of_plain
from benchmarks.tables.contenders import predict, with_budget
from benchmarks.tables.folds import outer_folds
from benchmarks.tables.panel import PANEL, PanelTable
from benchmarks.tables.preparing import prepare, workspace
from benchmarks.tables.sources import write_table
from schemas.errors import TasadorError
from tasador.bench.machine import describe_machine
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note
from training.learning.selection import select
from training.progress import discard_progress

RESULTS = Path("reports/bench-intervals.json")
TABLES = ("boston", "bikeshare", "hotel", "houses", "diamonds", "obesity", "caravan")
CALIBRATION_ROWS = (404, 5000)
_PINS = Path(__file__).with_name("intervals") / "requirements.txt"


def bench_intervals(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Time budget of a training.")] = 5.0,
    tables: Annotated[
        list[str] | None, typer.Option(help="Table of the panel. Repeatable.", show_default=", ".join(TABLES))
    ] = None,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Obesity table.", show_default="skip it")
    ] = None,
    results: Annotated[Path, typer.Option(help="Report file.")] = RESULTS,
) -> None:
    """Measure intervals on the outer folds of public tables; exits with 1 if a target is missed."""
    machine = describe_machine()
    panels = [each for name in tables or TABLES for each in PANEL if each.name == name and (each.package or obesity)]
    try:
        with interrupt_on_signals():
            figures = tuple(_table_figures(panel, seconds, obesity) for panel in panels)
    except TasadorError as error:
        print_note(str(error))
        raise typer.Exit(1) from error
    print_note("simulating the alarm")
    report = IntervalsReport(
        made_at=datetime.now(UTC),
        machine=machine,
        command=_command(sys.argv[1:]),
        mapie=_PINS.read_text(encoding="utf-8").lower().partition("mapie==")[2].split()[0],
        seconds=seconds,
        tables=figures,
        cost_us={name: us_per_row(name) for name in ("housing", "obesity")},
        alarms=tuple(_alarm_figures()),
    )
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print_line(section_of(report))
    print_note(f"report: {results}")
    if not report.is_good:
        raise typer.Exit(1)


def _table_figures(panel: PanelTable, seconds: float, obesity: Path | None) -> TableFigures:
    with workspace() as folder:
        prepared = prepare(panel, write_table(panel, folder, obesity=obesity), folder)
        settings, folds = with_budget(prepared.settings, seconds), []
        for fold in outer_folds(prepared.table):
            print_note(f"{panel.name}: training on outer fold {fold.number + 1}")
            selection = select(fold.train, settings, discard_progress)
            own = selection.winner.folds
            out_of_fold = own.out_of_fold if own.probabilities is None else own.probabilities
            predicted, domain = predict(selection.pipeline, fold.test), fold.train.domain
            folds.append(FoldPredictions(domain, out_of_fold, fold.train.target, predicted, fold.test.target))
    ways = {OURS: [reach_of_ours(fold) for fold in folds], PLAIN: [reach_of_plain(fold) for fold in folds]}
    of_mapie = [reaches_of_mapie(fold) for fold in folds]
    shared = [name for name in of_mapie[0] if all(name in each for each in of_mapie)]
    ways |= {name: [each[name] for each in of_mapie] for name in shared}
    return TableFigures(
        table=panel.name,
        rows=len(prepared.table),
        folds=len(folds),
        has_classes=bool(folds[0].domain.target.classes),
        ways=tuple(way_figures(way, folds, reaches) for way, reaches in ways.items()),
    )


def _alarm_figures() -> Iterator[AlarmFigures]:
    for rows in CALIBRATION_ROWS:
        found = outcomes_to_find(2.0, rows)
        yield AlarmFigures(
            rows=rows,
            false_share=share_of_alarms(1.0, rows),
            false_streams=share_of_streams(rows, 5000),
            found_share=float(np.isfinite(found).mean()),
            outcomes=float(np.median(found)),
        )


def _command(arguments: list[str]) -> str:
    """The arguments as a call of make, without the places of the caller's files."""
    flags, parts, files = [], iter(arguments), []
    for part in parts:
        if part in {"--obesity", "--results"}:
            next(parts, "")
            files += ["OBESITY=FILE"] if part == "--obesity" else []
        else:
            flags.append(part)
    return " ".join(["make bench-intervals", *files, *([f'FLAGS="{shlex.join(flags)}"'] if flags else [])])


if __name__ == "__main__":
    typer.run(bench_intervals)
