"""`python -m benchmarks.bench_tables`: our training on a panel of public tables, beside library defaults and FLAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.tables.contenders import FLAML
from benchmarks.tables.panel import PANEL, Half, PanelTable
from benchmarks.tables.preparing import workspace
from benchmarks.tables.results import ResultsFile
from benchmarks.tables.running import CONTENDERS, PanelRun
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_note

RESULTS = Path("reports/bench-tables.jsonl")


def bench_tables(
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
    folds: Annotated[
        int | None, typer.Option(min=2, help="Outer folds of each table.", show_default="5, 3 or 2, by rows")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Also take over stored scores of our training.")] = False,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Obesity table.", show_default="skip it")
    ] = None,
    results: Annotated[Path, typer.Option(help="File of all scores.")] = RESULTS,
) -> None:
    """Compare our training with library defaults and FLAML on the same outer folds of public tables."""
    run = PanelRun(
        contenders=tuple(name for name in contender or CONTENDERS if name != FLAML or not without_flaml),
        seconds=seconds,
        flaml_seconds=flaml_seconds,
        folds=folds,
        is_resumed=resume,
        obesity=obesity,
    )
    file = ResultsFile(results)
    with interrupt_on_signals(), workspace() as folder:
        for panel in _chosen(tables, only, has_obesity=obesity is not None):
            run.run_table(panel, folder, file, print_note)


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
