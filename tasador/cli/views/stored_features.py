"""Shows the stored features of one subject."""

from __future__ import annotations

from datetime import datetime

from schemas.stored_features import StoredFeatures
from tasador.cli.formatting import format_time, printable
from tasador.cli.terminal_table import TableColumn, TerminalTable

_COLUMNS = (TableColumn("FEATURE"), TableColumn("VALUE", is_number=True))


def stored_features_view(stored: StoredFeatures, max_age_s: float, now: datetime) -> TerminalTable:
    """A table of the features, and a line that says whether consumers use them."""
    rows = [(name, printable(value)) for name, value in stored.features.items()]
    return TerminalTable(_COLUMNS, rows, printable(stored.subject), [_freshness(stored, max_age_s, now)])


def _freshness(stored: StoredFeatures, max_age_s: float, now: datetime) -> str:
    if stored.at is None:
        return "without a time, so consumers do not use them"
    when = f"true at {format_time(stored.at)}"
    if stored.is_fresh(max_age_s, now):
        return when
    return f"{when}, longer ago than {max_age_s:,.0f} s, so consumers do not use them"
