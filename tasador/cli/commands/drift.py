"""`tasador drift`: shows the newest drift report, or compares two files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from operations.reports import newest_report
from schemas.drift import DriftEvent, DriftReport
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from tables.options import TableOptions
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.pages import write_page
from tasador.cli.reading import DecimalOption, RenameOption, SkipOption, table_options
from tasador.cli.terminal import print_line, print_note, stdout, write_json
from tasador.cli.views.drift import drift_table
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador drift --html drift.html"
EXIT_CODES = {"no_drift": 0, "drift": 3, "not_enough_rows": 4}


def drift(
    reference: Annotated[Path | None, typer.Option(help="Table with reference rows.")] = None,
    current: Annotated[Path | None, typer.Option(help="Table with current rows.")] = None,
    windows: Annotated[
        int, typer.Option(min=1, help="Split the current rows, in file order, into this many windows; most must alarm.")
    ] = 1,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML page to this file.")] = None,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    skip: SkipOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the monitor's newest drift report, or compare two files column by column.

    When two files are compared, the exit code is the verdict: 0 no drift, 3 drift, 4 too few rows.
    """
    if reference is not None and current is not None:
        settings = load_settings(domain=domain)
        report = _compare(reference, current, windows, settings, table_options(settings, decimal, rename, skip))
        _show(report, f"{current.name} against {reference.name}", html, as_json=as_json)
        raise typer.Exit(EXIT_CODES[report.verdict])
    if reference is not None or current is not None:
        raise ConfigurationError("--reference and --current require each other")
    event = _newest(domain)
    if not as_json:
        print_line(f"as of {event.time.astimezone().isoformat(sep=' ', timespec='seconds')}")
    _show(event.data, f"Drift of {event.data.domain}", html, as_json=as_json)


def _show(report: DriftReport, title: str, html: Path | None, *, as_json: bool) -> None:
    if html is not None:
        from monitoring.drift.page import drift_page

        write_page(html, drift_page(report, title))
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        stdout.print(drift_table(report))


def _newest(domain: str | None) -> DriftEvent:
    settings = find_settings(domain)
    with open_redis(settings) as client:
        return newest_report(client, settings.streams, DriftEvent, settings.domain)


def _compare(reference: Path, current: Path, windows: int, settings: Settings, options: TableOptions) -> DriftReport:
    from monitoring.drift.tables import drift_report
    from tables.frame import read_typed_frame

    frames = []
    for path in (reference, current):
        frame, notes = read_typed_frame(path, options)
        for note in notes:
            print_note(note)
        frames.append(frame)
    return drift_report(*frames, windows=windows, limits=settings.drift)
