"""`python -m benchmarks.compare_models`: our recipes and older ones, on the same folds of the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.comparing import compare_on_domain
from benchmarks.models import TableComparison, build_report
from tasador.bench.machine import describe_machine
from tasador.cli.terminal import print_line, print_note, stderr, stdout

REPORT = Path("reports/bench-models.json")


def compare_models(
    housing: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Housing table.", show_default="the built-in one")
    ] = None,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Obesity table.", show_default="skip it")
    ] = None,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Compare our recipes with older ones on the same folds, which takes some minutes.

    Exits with 1 if ours miss their goals.
    """
    tables = {"housing": housing} | ({"obesity": obesity} if obesity else {})
    with stderr.status("fitting on folds"):
        machine = describe_machine()
        report = build_report([compare_on_domain(name, table, print_note) for name, table in tables.items()], machine)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for comparison in report.tables:
        _print_comparison(comparison)
    print_note(f"report: {output}")
    if not report.is_good:
        raise typer.Exit(1)


def _print_comparison(comparison: TableComparison) -> None:
    heads = (comparison.metric.upper(), "SD", "MACRO F1", "OLD SPLIT", "µs A ROW", "s A FIT")
    table = Table("", *heads, title=f"{comparison.rows} rows of {comparison.source}", box=None, pad_edge=False)
    for standing in comparison.standings:
        table.add_row(
            standing.title,
            f"{standing.mean:.4f}",
            f"{standing.sd:.4f}",
            "" if standing.macro_f1 is None else f"{standing.macro_f1:.4f}",
            f"{standing.old_split:.4f}",
            f"{standing.us_per_row:.1f}",
            f"{standing.fit_s:.2f}",
        )
    versus = comparison.versus
    verdict = "goal reached" if comparison.is_good else "GOAL NOT REACHED"
    stdout.print(table, "")
    print_line(
        f"{versus.ours}: {versus.gain:.1%} better than {versus.older}, in {versus.won:.0%} of the folds; {verdict}"
    )


if __name__ == "__main__":
    typer.run(compare_models)
