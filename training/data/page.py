"""A table as a page to look at: what `validate` found, above skrub's report of every column. It needs no network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.domain import Domain
from training.data.parsing import numbers_in, read_column
from training.data.quality import DataQualityReport
from training.data.sources import RawTable

if TYPE_CHECKING:
    import pandas as pd

SHOWN_PROBLEMS = 100
_PLACE = "<main>"


def page_of(domain: Domain, raw: RawTable, report: DataQualityReport) -> str:
    """The page, in HTML.

    Args:
        domain: says which columns hold numbers.
        raw: all rows as they came, the refused ones among them.
        report: what `inspect` found in them.
    """
    from skrub import TableReport

    page: str = TableReport(
        _readable(domain, raw.frame),
        title=f"{domain.name}: {raw.source}",
        verbose=0,
        plot_distributions=True,
        compute_associations=True,
    ).html()
    page = page.replace("<title>skrub report</title>", f"<title>{escape(domain.name)}: quality of the data</title>", 1)
    return page.replace(_PLACE, _PLACE + _summary(report), 1)


def write_page(page: str, path: Path) -> None:
    """Write a page, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _readable(domain: Domain, frame: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers where the domain has numbers, so that they are counted as such."""
    import pandas as pd

    is_text = {feature.column: bool(feature.categories) for feature in domain.features}
    is_text[domain.target.name] = bool(domain.target.classes)
    columns: dict[str, pd.Series[str] | pd.Series[float]] = {}
    for name in frame.columns:
        cells = read_column(frame[name], is_text=is_text.get(name, True))
        columns[str(name)] = cells.astype("str") if is_text.get(name, True) else pd.Series(numbers_in(cells))
    return pd.DataFrame(columns)


def _summary(report: DataQualityReport) -> str:
    verdict = f"Nothing can be learnt from it: {report.stops}" if report.stops else "It can be learnt from."
    lines = [f"{report.accepted} of {report.rows} rows accepted. {verdict}", *report.findings()]
    problems = [str(problem) for problem in report.problems[:SHOWN_PROBLEMS]]
    if more := len(report.problems) - len(problems):
        problems.append(f"and {more} more")
    return (
        '<section style="font-family: sans-serif; margin: 1rem">'
        f"<h1>{escape(report.domain)}: {escape(report.source)}</h1>"
        f"{_list(lines)}{'<h2>Refused</h2>' + _list(problems) if problems else ''}</section>"
    )


def _list(lines: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
