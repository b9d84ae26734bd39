"""`python -m benchmarks.compare_models`: our training and older recipes, on the same folds of the same tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.comparing import compare_on_domain
from benchmarks.ending import end_with
from benchmarks.models import ModelsReport
from benchmarks.models_page import table_section
from tasador.bench.machine import describe_machine
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-models.json")
SECONDS = 20.0


def compare_models(
    housing: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Housing table.", show_default="the built-in one")
    ] = None,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Obesity table.", show_default="skip it")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Budget of our training on each fold, in s.")] = SECONDS,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Compare our training with older recipes on the same folds, which takes its budget for each of 35 folds.

    Exits with 1 if ours misses its goals.
    """
    files = {"housing": housing} | ({"obesity": obesity} if obesity else {})
    machine = describe_machine()
    tables = tuple(compare_on_domain(domain, file, seconds, print_note) for domain, file in files.items())
    report = ModelsReport(made_at=datetime.now(UTC), machine=machine, tables=tables)
    for comparison in report.tables:
        print_line(table_section(comparison) + "\n")
    end_with(report, output)


if __name__ == "__main__":
    typer.run(compare_models)
