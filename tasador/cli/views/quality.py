"""A quality report as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from schemas.quality import ALL, Quality, QualityReport, Span
from tasador.cli.formatting import printable

_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("mae", "MAE", ",.3g"),
    ("rmse", "RMSE", ",.3g"),
    ("r2", "R2", ".2f"),
    ("bias", "BIAS", "+,.2f"),
    ("far_share", "FAR OFF", ".1%"),
    ("accuracy", "ACCURACY", ".1%"),
    ("macro_f1", "MACRO F1", ".2f"),
    ("fast_share", "FAST", ".1%"),
)
"""Field, heading and format of each figure; a column without any value is left out."""


def quality_tables(report: QualityReport, span: Span) -> RenderableType:
    """All spans, the segments and versions of one span, and the outcomes that are not joined yet."""
    whole = [(str(name), report.quality(name)) for name in report.spans]
    parts = [(printable(part.part), part) for part in report.spans[span] if part.part != ALL]
    shown: list[RenderableType] = [_table("SPAN", whole), ""]
    if parts:
        shown += [_table(f"IN {span}", parts), ""]
    return Group(*shown, *(Text(line) for line in _remarks(report)))


def _table(head: str, rows: list[tuple[str, Quality]]) -> Table:
    shown = [figure for figure in _FIGURES if any(getattr(row, figure[0]) is not None for _, row in rows)]
    table = Table(head, box=None, pad_edge=False)
    for title in ("PREDICTED", "LABELLED", *(title for _, title, _ in shown)):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in rows:
        figures = (_format(getattr(row, field), how) for field, _, how in shown)
        table.add_row(Text(name), _format(row.predictions, ","), _labelled(row), *figures)
    return table


def _labelled(row: Quality) -> str:
    return f"{row.labelled:,}" + ("" if row.labelled_share is None else f" ({row.labelled_share:.0%})")


def _format(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)


def _remarks(report: QualityReport) -> Iterator[str]:
    yield f"{report.waiting:,} outcomes wait for their prediction; {report.orphaned:,} of them are orphans"
    if loss := report.sudden_loss:
        at = loss.time.astimezone().isoformat(sep=" ", timespec="seconds")
        yield f"the error jumped at {at}: {loss.before:.3g} before, {loss.after:.3g} after"
