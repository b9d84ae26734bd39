"""`tasador drift`: whether the world has moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigurationError
from tasador.console import out, write_json
from tasador.drift_table import drift_table
from tasador.options import DomainOption, JsonOption

if TYPE_CHECKING:
    from schemas.drift import DriftReport

EXAMPLE = "tasador drift --reference training.csv --current october.csv"
EXIT_CODES = {"no_drift": 0, "drift": 3, "not_enough_rows": 4}


def drift(
    reference: Annotated[Path | None, typer.Option(help="A CSV file of what is usual.")] = None,
    current: Annotated[Path | None, typer.Option(help="A CSV file of what came lately.")] = None,
    windows: Annotated[
        int, typer.Option(min=1, help="Cut the current rows, which came in this order; most windows must alarm.")
    ] = 1,
    html: Annotated[Path | None, typer.Option(help="Write a page with the distributions to this file too.")] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two files column by column.

    Exit code 0 without drift, 3 with drift, 4 where there are too few rows to tell.
    """
    if reference is None or current is None:
        raise ConfigurationError("two files are compared: name both --reference and --current")
    report = _compare(reference, current, windows, domain)
    if html is not None:
        from monitoring.drift.page import drift_page

        html.write_text(drift_page(report, f"{current.name} against {reference.name}"), encoding="utf-8")
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        out.print(drift_table(report))
    raise typer.Exit(EXIT_CODES[report.verdict])


def _compare(reference: Path, current: Path, windows: int, domain: str | None) -> DriftReport:
    from monitoring.drift.tables import drift_report, read_table
    from schemas.settings import load_settings

    settings = load_settings(domain=domain)
    return drift_report(read_table(reference), read_table(current), windows=windows, limits=settings.drift)
