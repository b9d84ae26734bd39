"""`tasador data`: checks training data, or writes a report on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.settings import load_settings
from tasador.cli.formatting import printable
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.reading import DecimalOption, RenameOption, with_table_options
from tasador.cli.terminal import print_line, print_note, stderr, stdout, write_json
from tasador.cli.terminal_table import TableColumn, TerminalTable

if TYPE_CHECKING:
    from training import DataQualityReport

EXAMPLE = "tasador data check homes.csv"
SHOWN_PROBLEMS = 20
_FIGURES = tuple(
    TableColumn(head, is_number=True) for head in ("SMALLEST", "LARGEST", "MISSING", "UNREADABLE", "REFUSED")
)

app = typer.Typer(help="Check training data, or write a report on it.", no_args_is_help=True)

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A table (CSV, JSON lines, Parquet, Excel), a URL, kaggle:owner/name[/file] or uci:544.",
        show_default="data in params.yaml",
    ),
]


@app.command(epilog=f"Example: {EXAMPLE}")
def check(
    source: SourceArgument = None,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a table against the domain. Exits with 1 if a training run would stop because of it."""
    settings = with_table_options(load_settings(domain=domain), decimal, rename)
    declared = settings.load_domain()
    from training import inspect
    from training.data.sources import read_source

    raw = read_source(settings, source, print_note)
    _, report = inspect(declared, raw, settings.training)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        _show(report)
    if report.stops:
        print_note(f"tasador: {raw.source}: {report.stops}")
        raise typer.Exit(1)


@app.command(epilog="Example: tasador data report homes.csv --out homes.html")
def report(
    source: SourceArgument = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="File to write the page to.", show_default="reports/<domain>/data.html")
    ] = None,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an HTML page on a table: its problems, and the distribution of every column."""
    settings = with_table_options(load_settings(domain=domain), decimal, rename)
    declared = settings.load_domain()
    path = out_file or Path("reports") / settings.domain / "data.html"
    with stderr.status("loading skrub (a few seconds)") as status:
        from training import inspect
        from training.data.page import page_of, write_page
        from training.data.sources import read_source

        raw = read_source(settings, source, print_note)
        _, quality = inspect(declared, raw, settings.training)
        status.update("drawing every column")
        write_page(page_of(declared, raw, quality), path)
    if as_json:
        write_json(quality.model_dump(mode="json") | {"page": str(path)})
    else:
        print_note(_first_line(quality))
        print_line(str(path))


def _first_line(report: DataQualityReport) -> str:
    return f"{report.accepted} of {report.rows} rows of {report.source} accepted"


def _show(report: DataQualityReport) -> None:
    print_line(_first_line(report))
    if report.columns:
        stdout.print(_columns(report))
    for name, rows in report.classes.items():
        print_line(f"{name}: {rows} rows")
    for finding in report.findings():
        print_line(f"- {finding}")
    for problem in report.problems[:SHOWN_PROBLEMS]:
        print_line(f"  {printable(str(problem), 200)}")
    if (more := len(report.problems) - SHOWN_PROBLEMS) > 0:
        print_line(f"  and {more} more; --json has them all")


def _columns(report: DataQualityReport) -> TerminalTable:
    rows = []
    for name, column in report.columns.items():
        span = ("" if number is None else f"{number:g}" for number in (column.smallest, column.largest))
        rows.append((name, *span, *map(str, (column.missing, column.unreadable, column.refused))))
    return TerminalTable((TableColumn("COLUMN", is_prose=True), *_FIGURES), rows)
