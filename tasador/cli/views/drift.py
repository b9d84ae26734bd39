"""A drift report as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from schemas.drift import ColumnDrift, DriftReport
from tasador.cli.formatting import printable
from tasador.cli.terminal_table import TableColumn, TerminalTable

_COLOURS = {"no_drift": "green", "drift": "red", "not_enough_rows": "yellow", "too_few": "dim"}
_MEASURES = {"number": "W", "category": "JS"}
_ALARMS = {True: "!", False: "-", None: "?"}
_TABLE = (
    TableColumn("COLUMN", is_prose=True),
    TableColumn("VERDICT", is_prose=True),
    TableColumn("ALARMS"),
    *(TableColumn(head, is_number=True) for head in ("EFFECT", "P", "PSI", "SHIFT (sd)", "UNUSUAL (%)", "MISSING (%)")),
)
_LEGEND = (
    "",
    "ALARMS, newest window first: ! alarm, - none, ? unknown. COLUMN (prediction): what the model predicted.",
    "EFFECT: W Wasserstein distance in sd of the reference, JS Jensen-Shannon distance. MISSING: before > now.",
)


def drift_table(report: DriftReport) -> RenderableType:
    """The verdict, the compared windows, and a row for each column."""
    head = Text.assemble((_words(report.verdict), f"bold {_COLOURS[report.verdict]}"), f"  {_windows(report)}")
    table = TerminalTable(_TABLE, [_cells(column) for column in report.columns], legend=_LEGEND)
    return Group(head, "", table)


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _windows(report: DriftReport) -> str:
    windows = " + ".join(f"{window.rows:,}" for window in report.windows) or "no"
    model = f" of version {report.model.version}" if report.model else ""
    ignored = f"; not in the reference: {printable(', '.join(report.ignored))}" if report.ignored else ""
    return f"{windows} rows against {report.reference_rows:,}{model}{ignored}"


def _cells(column: ColumnDrift) -> list[Text]:
    name = column.name if column.role == "feature" else f"({column.name})"
    new = f" new: {', '.join(column.new_categories)}" if column.new_categories else ""
    figures = (
        (column.p, ".1g"),
        (column.psi, ".2f"),
        (column.mean_shift_sd, "+.2f"),
        (_percent(column.unusual_share), ".1f"),
    )
    return [
        Text(printable(name + new)),
        Text(_words(column.verdict), style=_COLOURS[column.verdict]),
        Text(" ".join(_ALARMS[alarm] for alarm in column.alarms)),
        Text("" if column.effect is None else f"{_MEASURES[column.kind]} {column.effect:.2f}"),
        *(Text("" if value is None else format(value, how)) for value, how in figures),
        Text(_missing(column)),
    ]


def _missing(column: ColumnDrift) -> str:
    before, now = f"{column.reference_missing_share * 100:.1f}", f"{column.missing_share * 100:.1f}"
    return now if before == now else f"{before} > {now}"


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100
