"""`tasador data`: check training data, and look at it, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from schemas.settings import load_settings
from tasador.cli.formatting import plain
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import err, out, write_json

if TYPE_CHECKING:
    from training import DataQualityReport

EXAMPLE = "tasador data check homes.csv"
SHOWN_PROBLEMS = 20

app = typer.Typer(help="Check training data, and look at it, without training.", no_args_is_help=True)

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A CSV or Parquet file, a URL, kaggle:owner/name[/file] or uci:544.",
        show_default="what params.yaml says",
    ),
]


@app.command(epilog=f"Example: {EXAMPLE}")
def check(source: SourceArgument = None, domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """Check a table against the domain; exits with 1 where it would stop a training run."""
    settings = load_settings(domain=domain)
    from training import inspect
    from training.data.sources import read_source

    raw = read_source(settings, source, _say)
    _, report = inspect(settings.load_domain(), raw, settings.training)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        _show(report)
    if report.stops:
        err.print(f"tasador: {raw.source}: {report.stops}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command(epilog="Example: tasador data report homes.csv --out homes.html")
def report(
    source: SourceArgument = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="The page to write.", show_default="reports/<domain>/data.html")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page on a table: what is wrong with it, and every column with its distribution."""
    settings = load_settings(domain=domain)
    path = out_file or Path("reports") / settings.domain / "data.html"
    with err.status("loading skrub, which takes some seconds") as status:
        from training import inspect
        from training.data.page import page_of, write_page
        from training.data.sources import read_source

        raw = read_source(settings, source, _say)
        declared = settings.load_domain()
        _, found = inspect(declared, raw, settings.training)
        status.update("drawing every column")
        write_page(page_of(declared, raw, found), path)
    if as_json:
        write_json(found.model_dump(mode="json") | {"page": str(path)})
    else:
        _say(_first_line(found))
        out.print(str(path), highlight=False, markup=False, soft_wrap=True)


def _say(message: str) -> None:
    err.print(message, highlight=False, markup=False, soft_wrap=True)


def _first_line(report: DataQualityReport) -> str:
    return f"{report.accepted} of {report.rows} rows of {report.source} accepted"


def _show(report: DataQualityReport) -> None:
    out.print(_first_line(report), highlight=False, markup=False, soft_wrap=True)
    if report.columns:
        out.print(_columns(report))
    for name, rows in report.classes.items():
        out.print(f"{name}: {rows} rows", highlight=False, markup=False)
    for finding in report.findings():
        out.print(f"- {finding}", highlight=False, markup=False, soft_wrap=True)
    for problem in report.problems[:SHOWN_PROBLEMS]:
        out.print(f"  {plain(str(problem), 200)}", highlight=False, markup=False, soft_wrap=True)
    if (more := len(report.problems) - SHOWN_PROBLEMS) > 0:
        out.print(f"  and {more} more; --json has them all", highlight=False)


def _columns(report: DataQualityReport) -> Table:
    table = Table("COLUMN", "SMALLEST", "LARGEST", "MISSING", "UNREADABLE", "REFUSED", box=None, pad_edge=False)
    for name, column in report.columns.items():
        span = ("" if number is None else f"{number:g}" for number in (column.smallest, column.largest))
        counts = (str(number) for number in (column.missing, column.unreadable, column.refused))
        table.add_row(Text(plain(name)), *span, *counts)
    return table
