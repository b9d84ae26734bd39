"""A quality report as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from schemas.quality import ALL, ClassQuality, Quality, QualityReport, RecentCoverage, Span
from tasador.cli.formatting import printable, significant
from tasador.cli.terminal_table import TableColumn, TerminalTable

_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("labelled_share", "(%)", ".0%"),
    ("mae", "MAE", ""),
    ("rmse", "RMSE", ""),
    ("r2", "R2", ".2f"),
    ("bias", "BIAS", "+,.2f"),
    ("far_share", "FAR OFF (%)", ".1%"),
    ("accuracy", "ACCURACY (%)", ".1%"),
    ("macro_f1", "MACRO F1", ".2f"),
    ("coverage", "COVERED (%)", ".1%"),
    ("coverage_low", "FROM (%)", ".1%"),
    ("coverage_high", "TO (%)", ".1%"),
    ("width", "WIDTH", ""),
    ("fast_share", "FAST (%)", ".1%"),
)
"""Field, heading and format of each figure; without a format it gets three significant digits. A column without any
value is left out."""


def quality_tables(report: QualityReport, span: Span, unit: str) -> RenderableType:
    """All spans, the segments and versions of one span, and the outcomes that are not joined yet.

    Args:
        report: what is shown.
        span: whose parts are shown.
        unit: of the target; empty if it has none.
    """
    whole = [(str(name), report.quality(name)) for name in report.spans]
    parts = [(printable(part.part), part) for part in report.spans[span] if part.part != ALL]
    shown: list[RenderableType] = [_table("SPAN", whole), ""]
    if parts:
        shown += [_table(f"IN {span}", parts), ""]
    if classes := report.quality(span).classes:
        shown += [_classes_table(f"CLASS IN {span}", classes), ""]
    return Group(*shown, *(Text(line) for line in _remarks(report, unit)))


def _table(head: str, rows: list[tuple[str, Quality]]) -> TerminalTable:
    shown = [figure for figure in _FIGURES if any(getattr(row, figure[0]) is not None for _, row in rows)]
    heads = ("PREDICTED", "LABELLED", *(title for _, title, _ in shown))
    columns = (TableColumn(head, is_prose=True), *(TableColumn(each, is_number=True) for each in heads))
    return TerminalTable(
        columns,
        [
            (
                name,
                _format(row.predictions, ","),
                f"{row.labelled:,}",
                *(_format(getattr(row, field), how) for field, _, how in shown),
            )
            for name, row in rows
        ],
    )


def _classes_table(head: str, classes: Sequence[ClassQuality]) -> TerminalTable:
    heads = ("OUTCOMES", "PREDICTED", "RECALL (%)", "PRECISION (%)")
    columns = (TableColumn(head, is_prose=True), *(TableColumn(each, is_number=True) for each in heads))
    return TerminalTable(
        columns,
        [
            (
                printable(each.name),
                f"{each.outcomes:,}",
                f"{each.predicted:,}",
                _format(each.recall, ".1%"),
                _format(each.precision, ".1%"),
            )
            for each in classes
        ],
    )


def _format(value: float | None, how: str) -> str:
    if value is None:
        return ""
    # the sign is in the head
    return format(value, how).removesuffix("%") if how else significant(value)


def _verdict(recent: RecentCoverage) -> str:
    return f": the promise no longer holds (chance {recent.chance:.2g})" if recent.is_lost else ""


def _remarks(report: QualityReport, unit: str) -> Iterator[str]:
    everything = [part for parts in report.spans.values() for part in parts]
    if unit and any(part.mae is not None for part in everything):
        has_width = any(part.width is not None for part in everything)
        yield f"MAE, RMSE{', BIAS and WIDTH' if has_width else ' and BIAS'} are in {unit}"
    yield f"{report.waiting:,} outcomes wait for their prediction; {report.orphaned:,} of them are orphans"
    if recent := report.recent_coverage:
        yield (
            f"version {printable(recent.version)} covers {recent.covered} of the latest {recent.outcomes} outcomes and "
            f"promises {recent.promised:.4g}{_verdict(recent)}"
        )
    if loss := report.sudden_loss:
        at = loss.time.astimezone().isoformat(sep=" ", timespec="seconds")
        yield f"the error jumped at {at}: {loss.before:.3g} before, {loss.after:.3g} after"
