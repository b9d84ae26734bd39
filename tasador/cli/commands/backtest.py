"""`tasador backtest`: how the error of a model grows with its age, and how often to retrain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.pages import write_page
from tasador.cli.reading import DecimalOption, RenameOption, with_table_options
from tasador.cli.terminal import print_line, print_note, stderr, stdout
from tasador.machine.running_system import load_registry_settings
from transport.moments import parse_duration

EXAMPLE = "tasador backtest --data sales.csv --time-column sold --period 30d"


def backtest(
    data: Annotated[
        str | None,
        typer.Option(help="A table with a time column, as for a training.", show_default="the audit log"),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(help="Column with the time of a row.", show_default="training.time_column"),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(help="Time between two refits: 12h, 7d.", show_default="about a sixteenth of the whole time"),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(help="Age up to which rows are learned from: 90d.", show_default="all earlier rows"),
    ] = None,
    model: Annotated[str, typer.Option(help="Recipe that is fitted again and again.")] = "xgboost-reference",
    svg: Annotated[Path | None, typer.Option(help="Also draw the errors by age into this file.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0 for one a core if there are many rows, and none otherwise.")
    ] = 0,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how the error of models grows with their age, and how often to retrain. No Redis is needed.

    Models are fitted as of the start of each period, on the labels that were known then, and predict all later periods.
    Rows are the labelled predictions of the audit log, or a table.
    """
    from history.backtesting import backtest as backtest_rows
    from history.dated_table import read_log, read_table
    from tasador.cli.views.backtest import advice_lines, backtest_table

    settings = with_table_options(load_registry_settings(domain), decimal, rename)
    period_s, window_s = (None if each is None else parse_duration(each) for each in (period, window))
    is_table = data is not None or time_column is not None
    dated = read_table(settings, data, time_column, print_note) if is_table else read_log(settings)
    with stderr.status("fitting") as status:
        report = backtest_rows(
            settings,
            dated,
            model,
            period_s,
            window_s,
            workers,
            lambda done, total: status.update(f"{done} of {total} models fitted"),
        )
    if svg is not None:
        from history.age_plot import draw_ages

        write_page(svg, draw_ages(report))
    if as_json:
        print_line(report.model_dump_json())
        return
    stdout.print(backtest_table(report))
    print_line("")
    for line in advice_lines(report):
        print_line(line)
