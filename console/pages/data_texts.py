"""What the view of the data shows, as tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise

from markupsafe import Markup

from console.pages.texts import moment, table
from console.pictures.heat import HeatCell, draw_heat_row
from console.pictures.lines import PlottedLine, draw_lines
from console.pictures.pairs import Pair, draw_pairs
from schemas.drift import ColumnDrift, DriftReport
from schemas.quality import ALL, Quality, QualityReport
from schemas.sections import DriftSettings

_MAX_BARS = 24
_WORDS = {"no_drift": "no drift", "drift": "drift", "not_enough_rows": "not enough rows", "too_few": "too few values"}


def drift_line(report: DriftReport | None) -> Markup:
    """The newest verdict."""
    if report is None:
        return Markup("")
    version = report.model.version if report.model else "unknown"
    return Markup('<p><span class="badge {}" data-verdict="{}">{}</span> {} rows against {} of version {}</p>').format(
        {"drift": "bad", "no_drift": "good"}.get(report.verdict, "muted"),
        report.verdict,
        _WORDS[report.verdict] + (f": {', '.join(report.drifted)}" if report.drifted else ""),
        f"{report.windows[0].rows:,}" if report.windows else "no",
        f"{report.reference_rows:,}",
        version,
    )


def heat_row(name: str, reports: Sequence[tuple[int, DriftReport]], settings: DriftSettings) -> Markup:
    """The effect on one column in each report, beside the limit of its kind."""
    return draw_heat_row([_heat_cell(name, at_ms, report, settings) for at_ms, report in reports])


def _heat_cell(name: str, at_ms: int, report: DriftReport, settings: DriftSettings) -> HeatCell:
    column = next((each for each in report.columns if each.name == name), None)
    if column is None or column.effect is None:
        return HeatCell(None, is_marked=False, text=f"{name} at {moment(at_ms)}: unknown")
    limit = settings.min_wasserstein_sd if column.kind == "number" else settings.min_js
    text = f"{name} at {moment(at_ms)}: effect {column.effect:.3f}, limit {limit:g}, {_WORDS[column.verdict]}"
    return HeatCell(column.effect / limit if limit else 0.0, is_marked=column.verdict == "drift", text=text)


def distribution(column: ColumnDrift) -> Markup:
    """The reference beside the current window."""
    shares = column.distribution
    # the outer bins are unbounded
    edges = [f"{edge:.4g}" for edge in shares.edges[1:-1]]
    bins = [f"up to {edges[0]}", *(f"{a} to {b}" for a, b in pairwise(edges)), f"over {edges[-1]}"] if edges else []
    rows = zip(shares.categories or bins, shares.reference, shares.current, strict=False)
    pairs: list[Pair] = [(label, 100 * before, 100 * now) for label, before, now in islice(rows, _MAX_BARS)]
    return draw_pairs(f"{column.name} {column.unit}".strip(), ("reference", "current window"), pairs, " %")


def shares_table(report: DriftReport | None) -> Markup:
    """Missing and unusual values, and the figures behind the verdict."""
    if report is None:
        return Markup('<p class="empty">The monitor has reported nothing yet.</p>')
    rows: list[list[object]] = [
        [
            column.name,
            f"{column.missing_share:.1%}",
            f"{column.reference_missing_share:.1%}",
            None if column.unusual_share is None else f"{column.unusual_share:.1%}",
            column.mean,
            column.reference_mean,
            column.effect,
            _WORDS[column.verdict],
        ]
        for column in report.columns
    ]
    heads = ["column", "missing", "was missing", "unusual", "mean", "was", "effect", "verdict"]
    return table(heads, rows, "Missing and unusual values of the newest window")


def quality_lines(reports: Sequence[tuple[int, QualityReport]]) -> Markup:
    """The error of the last 24 hours, report by report."""
    parts = [(at_ms / 1000, report.quality("24h")) for at_ms, report in reports]
    is_class = any(part.accuracy is not None for _, part in parts)
    names = ("accuracy", "macro_f1") if is_class else ("rmse", "mae")
    lines = [PlottedLine(name, [(at_s, getattr(part, name)) for at_s, part in parts]) for name in names]
    shares = [PlottedLine("share", [(at_s, part.labelled_share) for at_s, part in parts])]
    span_s = max(parts[-1][0] - parts[0][0], 1.0) if parts else 1.0
    ago = (moment(reports[0][0]), moment(reports[-1][0])) if reports else ("", "")
    return Markup('<div class="two">{}{}</div>').format(
        draw_lines("Error of the predictions of 24 h", "", lines, span_s, ago),
        draw_lines("Share of predictions with an outcome", "", shares, span_s, ago),
    )


def quality_table(report: QualityReport | None) -> Markup:
    """The newest report by span, version and segment."""
    if report is None:
        return Markup('<p class="empty">The monitor has reported no quality yet.</p>')
    shown = Markup("").join(_span(span, parts) for span, parts in report.spans.items() if parts and parts[0].labelled)
    waiting = f"{report.waiting:,} outcomes wait for their prediction, {report.orphaned:,} of them for long"
    return Markup('{}<p class="muted">{}.</p>').format(
        shown or Markup('<p class="empty">No outcomes yet.</p>'), waiting
    )


def _span(span: str, parts: Sequence[Quality]) -> Markup:
    """All parts of a span; the shortest one is unfolded."""
    rows: list[list[object]] = [
        [_part(one), one.labelled, one.rmse, one.mae, one.bias, one.accuracy, one.macro_f1]
        for one in parts
        if one.labelled
    ]
    heads = ["part", "outcomes", "rmse", "mae", "bias", "accuracy", "macro f1"]
    used = [place for place in range(len(heads)) if any(row[place] is not None for row in rows)]
    shown = [[row[place] for place in used] for row in rows]
    return Markup("<details{}><summary>{}</summary>{}</details>").format(
        Markup(" open") if span == "24h" else "",
        f"Predictions of the last {span}",
        table([heads[place] for place in used], shown, f"Quality of the last {span} by part"),
    )


def _part(one: Quality) -> str:
    return "all predictions" if one.part == ALL else one.part
