"""The report as one page of HTML that needs nothing else: verdict, a table of figures, and a picture of each column."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template

from monitoring.drift.plots import draw
from schemas.drift import ColumnDrift, DriftReport

VERDICTS = {"drift": "drift", "no_drift": "no drift", "not_enough_rows": "not enough rows"}
_ORDER = ("drift", "not_enough_rows", "no_drift")


def drift_page(report: DriftReport, title: str = "Drift") -> str:
    """The page, self-contained: no scripts, no fonts, no addresses; light or dark as the reader's system is."""
    template = Template(files("monitoring.drift").joinpath("page.html").read_text(encoding="utf-8"))
    columns = sorted(report.columns, key=_urgency)
    return template.substitute(
        title=escape(title),
        verdict=report.verdict,
        told=VERDICTS[report.verdict],
        summary=escape(_summary(report)),
        cards="\n".join(_card(column) for column in columns),
    )


def _urgency(column: ColumnDrift) -> tuple[int, float]:
    return _ORDER.index(column.verdict), -(column.effect or 0.0)


def _summary(report: DriftReport) -> str:
    windows = len(report.windows)
    rows = f"{report.windows[0].rows:,} rows" if windows else "no rows"
    parts = [f"{rows} in the newest of {windows} window{'' if windows == 1 else 's'} against {report.reference_rows:,}"]
    if report.model:
        parts.append(f"reference of model version {report.model.version}")
    if report.drifted:
        parts.append(f"drifted: {', '.join(report.drifted)}")
    if report.ignored:
        parts.append(f"not in the reference: {', '.join(report.ignored)}")
    return " · ".join(parts)


def _card(column: ColumnDrift) -> str:
    facts = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(column))
    unit = f" <small>{escape(column.unit)}</small>" if column.unit else ""
    role = "" if column.role == "feature" else f" <small>{column.role}s</small>"
    return (
        f'<article class="{column.verdict}"><header><h2>{escape(column.name)}{unit}{role}</h2>'
        f'<span class="badge">{VERDICTS[column.verdict]}</span></header>'
        f"{draw(column.distribution, column.name)}<dl>{facts}</dl></article>"
    )


def _facts(column: ColumnDrift) -> list[tuple[str, str]]:
    """What the card says beside the picture, by name; nothing that is unknown."""
    told = [
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
    facts = [(name, format(value, how)) for name, value, how in told if value is not None]
    facts.append(("windows", " ".join({True: "alarm", False: "quiet", None: "?"}[alarm] for alarm in column.alarms)))
    if column.new_categories:
        facts.append(("new", ", ".join(column.new_categories)))
    return facts
