"""The HTML page on a table: a summary of its quality report, above skrub's report on every column."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from schemas.domain import Domain
from training.data.columns import column_readers, numbers_in
from training.data.quality import DataQualityReport
from training.data.sources import RawTable

if TYPE_CHECKING:
    import pandas as pd

SHOWN_PROBLEMS = 100
_MAIN = "<main>"
_ENVIRONMENT = Environment(
    loader=PackageLoader("training.data", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_of(domain: Domain, raw: RawTable, report: DataQualityReport) -> str:
    """Render the page, which needs no network.

    Args:
        domain: declares which columns are numbers.
        raw: all rows as they were read, including refused ones.
        report: from `inspect`.
    """
    from skrub import TableReport

    page: str = TableReport(
        _readable(domain, raw),
        verbose=0,
        plot_distributions=True,
        compute_associations=True,
    ).html()
    page = page.replace("<title>skrub report</title>", f"<title>{escape(domain.name)}: quality of the data</title>", 1)
    summary = _ENVIRONMENT.get_template("summary.html.j2").render(report=report, shown=SHOWN_PROBLEMS)
    return page.replace(_MAIN, _MAIN + summary, 1)


def write_page(page: str, path: Path) -> None:
    """Write a page, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _readable(domain: Domain, raw: RawTable) -> pd.DataFrame:
    """The cells as the domain declares them, so that skrub shows numbers as numbers; other columns stay text."""
    import pandas as pd

    is_text = {feature.column: bool(feature.categories) for feature in domain.features}
    is_text[domain.target.name] = bool(domain.target.classes)
    readers = column_readers(domain, raw.decimal)
    columns: dict[str, pd.Series[str] | pd.Series[float]] = {}
    for name, cells in raw.frame.items():
        read = readers[str(name)].read(cells, raw.source) if name in readers else cells
        columns[str(name)] = read.astype("str") if is_text.get(str(name), True) else pd.Series(numbers_in(read))
    return pd.DataFrame(columns)
