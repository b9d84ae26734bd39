"""The weights of the features of late, beside those in training, as a table."""

from __future__ import annotations

from rich.text import Text

from explainer.weights import FeatureWeight, WeightReport
from tasador.cli.formatting import printable
from tasador.cli.terminal_table import TableColumn, TerminalTable

_TABLE = (
    TableColumn("FEATURE", is_prose=True),
    *(TableColumn(head, is_number=True) for head in ("WEIGHT IN TRAINING", "WEIGHT NOW", "P")),
    TableColumn(""),
)
_LEGEND = ("", "WEIGHT: mean share of a row's contributions. P: Kolmogorov-Smirnov, adjusted after Holm.")


def weights_table(report: WeightReport) -> TerminalTable:
    """A row for each feature, the largest weight first."""
    title = f"{report.explanations:,} explanations of version {report.version}"
    rows = [_cells(weight) for weight in report.features]
    return TerminalTable(_TABLE, rows, f"{title} beside {report.background_rows} rows of training", _LEGEND)


def _cells(weight: FeatureWeight) -> list[Text]:
    figures = (f"{weight.training:.1%}", f"{weight.current:.1%}", f"{weight.p:.1g}")
    return [
        Text(printable(weight.feature)),
        *map(Text, figures),
        Text("moved" if weight.has_moved else "", style="red"),
    ]
