"""`python -m benchmarks.bench_tables`: our training on a panel of public tables, beside library defaults and FLAML."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.tables.contenders import FLAML, OURS
from benchmarks.tables.panel import PANEL, Half, PanelTable
from benchmarks.tables.permuted import PERMUTED, train_permuted
from benchmarks.tables.plotting import write_plot
from benchmarks.tables.preparing import prepare, workspace
from benchmarks.tables.report import TablesReport
from benchmarks.tables.results import ResultsFile
from benchmarks.tables.running import CONTENDERS, PanelRun, versions_of
from benchmarks.tables.section import panel_section
from benchmarks.tables.sources import write_table
from schemas.errors import TasadorError
from tasador.bench.machine import describe_machine
from tasador.cli.options import JsonOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note

RESULTS = Path("reports/bench-tables.jsonl")


def bench_tables(  # noqa: PLR0913 - a command has as many arguments as it has options
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Time budget of our training on a fold.")] = 30.0,
    flaml_seconds: Annotated[
        float, typer.Option(min=0, help="Least processor time of FLAML on a fold; ours', if that is more.")
    ] = 0.0,
    tables: Annotated[list[str] | None, typer.Option(help="Table to run. Repeatable.", show_default="all")] = None,
    only: Annotated[Half | None, typer.Option(help="Half of the tables to run.", show_default="both")] = None,
    contender: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(CONTENDERS)}. Repeatable.", show_default="all")
    ] = None,
    without_flaml: Annotated[bool, typer.Option("--without-flaml", help="Leave FLAML out.")] = False,
    keep_flaml: Annotated[
        bool,
        typer.Option("--keep-flaml", help="Keep stored scores of FLAML, also of faster cores."),
    ] = False,
    without_permuted: Annotated[
        bool, typer.Option("--without-permuted", help="Do not train on permuted targets.")
    ] = False,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Outer folds of each table.", show_default="5, 3 or 2, by rows")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Also take over stored scores of our training.")] = False,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Obesity table.", show_default="skip it")
    ] = None,
    results: Annotated[Path, typer.Option(help="File of all scores; the report is written beside it.")] = RESULTS,
    as_json: JsonOption = False,
) -> None:
    """Compare our training with library defaults and FLAML on the same outer folds of public tables.

    Exits with 1 if a target is missed, or a model of a permuted target passes the gate.
    """
    run = PanelRun(
        contenders=_contenders(contender, has_flaml=not without_flaml),
        seconds=seconds,
        flaml_seconds=flaml_seconds,
        folds=folds,
        is_resumed=resume,
        is_flaml_kept=keep_flaml,
    )
    panels = _chosen(tables, only, has_obesity=obesity is not None)
    machine = describe_machine()
    try:
        with interrupt_on_signals(), workspace() as folder:
            file, standings, permuted = ResultsFile(results), [], []
            for panel in panels:
                table = write_table(panel, folder, obesity=obesity)
                standings.append(run.run_table(prepare(panel, table, folder), file, print_note))
                if panel.name in PERMUTED and OURS in run.contenders and not without_permuted:
                    permuted.append(train_permuted(panel, table, folder, print_note))
    except TasadorError as error:
        print_note(str(error))
        raise typer.Exit(1) from error
    report = TablesReport(
        made_at=datetime.now(UTC),
        machine=machine,
        command=_command(sys.argv[1:]),
        versions=machine.versions | _flaml_versions(run.contenders),
        tables=tuple(standings),
        permuted=tuple(permuted),
    )
    document = report.model_dump_json(indent=1) + "\n"
    output = results.with_suffix(".json")
    output.write_text(document, encoding="utf-8")
    print_line(document if as_json else panel_section(report))
    plot = write_plot(report, results.with_suffix(".svg"))
    print_note(f"report: {output}" + (f", plot: {plot}" if plot else ""))
    if not report.is_good:
        raise typer.Exit(1)


def _command(arguments: list[str]) -> str:
    """The arguments as a call of make, without the places of the caller's files."""
    flags, parts, files = [], iter(arguments), []
    for part in parts:
        if part in {"--obesity", "--results"}:
            next(parts, "")
            files += ["OBESITY=FILE"] if part == "--obesity" else []
        else:
            flags.append(part)
    return " ".join(["make bench-tables", *files, *([f'FLAGS="{shlex.join(flags)}"'] if flags else [])])


def _flaml_versions(contenders: tuple[str, ...]) -> dict[str, str]:
    versions = versions_of(FLAML) if FLAML in contenders else {}
    return {name if name == "flaml" else f"{name} of FLAML": pinned for name, pinned in versions.items()}


def _contenders(names: list[str] | None, *, has_flaml: bool) -> tuple[str, ...]:
    for name in names or ():
        if name not in CONTENDERS:
            raise typer.BadParameter(f"no contender {name!r}; the contenders are {', '.join(CONTENDERS)}")
    return tuple(name for name in names or CONTENDERS if name != FLAML or has_flaml)


def _chosen(names: list[str] | None, only: Half | None, *, has_obesity: bool) -> list[PanelTable]:
    known = [table.name for table in PANEL]
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"no table {name!r}; the tables are {', '.join(known)}")
    return [
        table
        for table in PANEL
        if (not names or table.name in names)
        and (only is None or table.half == only)
        and (table.package or has_obesity)
    ]


if __name__ == "__main__":
    typer.run(bench_tables)
