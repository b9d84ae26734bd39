"""Renders a drift report as one self-contained HTML page: the verdict, and the figures and a plot of each column."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitoring.drift.plots import plot
from schemas.drift import ColumnDrift, DriftReport

VERDICTS = {
    "drift": "drift",
    "no_drift": "no drift",
    "not_enough_rows": "not enough rows",
    "too_few": "too few values",
}
_ORDER = ("drift", "not_enough_rows", "no_drift", "too_few")


def drift_page(report: DriftReport, title: str = "Drift") -> str:
    """The page as HTML without scripts, fonts or links; light or dark as the reader's system is set."""
    environment = Environment(loader=PackageLoader("monitoring.drift"), autoescape=True, undefined=StrictUndefined)
    columns = sorted(report.columns, key=_urgency)
    return environment.get_template("page.html.j2").render(
        title=title,
        report=report,
        verdicts=VERDICTS,
        columns=[(column, plot(column.distribution), _figures(column)) for column in columns],
    )


def _urgency(column: ColumnDrift) -> tuple[int, float]:
    return _ORDER.index(column.verdict), -(column.effect or 0.0)


def _figures(column: ColumnDrift) -> list[tuple[str, str]]:
    """The known figures of a column by name, as its card shows them."""
    figures = [
        ("W/sd", column.wasserstein_sd, ".2f"),
        ("JS", column.js, ".2f"),
        ("p", column.p, ".2g"),
        ("PSI", column.psi, ".2f"),
        ("mean", column.mean, ".4g"),
        ("was", column.reference_mean, ".4g"),
        ("unusual", column.unusual_share, ".1%"),
        ("missing", column.missing_share if column.missing_share or column.reference_missing_share else None, ".1%"),
        ("was missing", column.reference_missing_share or None, ".1%"),
    ]
    texts = [(name, format(value, spec)) for name, value, spec in figures if value is not None]
    texts.append(("windows", " ".join({True: "alarm", False: "quiet", None: "?"}[alarm] for alarm in column.alarms)))
    if column.new_categories:
        texts.append(("new", ", ".join(column.new_categories)))
    return texts
