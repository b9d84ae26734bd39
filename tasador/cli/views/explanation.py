"""An explanation as a bar chart: what each feature adds to the base, or takes from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from schemas.events import PredictionData
from schemas.explanations import ExplanationData, FeatureContribution
from tasador.cli.formatting import printable, significant
from tasador.cli.terminal_table import TableColumn, TerminalTable

_HALF = 14
"""Characters of the longest bar on either side of the middle."""
_TABLE = (
    TableColumn("FEATURE", is_prose=True),
    TableColumn("VALUE", is_prose=True),
    TableColumn("-" + " " * (2 * _HALF - 1) + "+"),
    TableColumn("ADDS", is_number=True),
)


def explanation_chart(data: ExplanationData, title: str) -> RenderableType:
    """The chart, with what is explained above it and the sum below it."""
    largest = max((abs(one.contribution) for one in data.contributions), default=0.0)
    rows = [_cells(one, largest) for one in data.contributions]
    base, value = (Text(figure) for figure in (significant(data.base), significant(data.value)))
    what = Text("prediction" if isinstance(data.prediction, float) else data.unit, style="bold")
    table = TerminalTable(
        _TABLE, [(Text("base"), Text(), Text(), base), *rows, (what, Text(), Text(), value)], legend=["", _about(data)]
    )
    shown = data.prediction if isinstance(data.prediction, str) else f"{significant(data.prediction)} {data.unit}"
    return Group(Text(printable(f"{title}: {shown}".strip(), 200), style="bold"), *_range(data), "", table)


def what_if_chart(
    explanation: ExplanationData, prediction: PredictionData, recorded: Mapping[str, Any], title: str
) -> RenderableType:
    """The chart of what would be predicted, above what was, and above what was filled or is unusual.

    Args:
        explanation: of what would be predicted.
        prediction: that would be made.
        recorded: data of the prediction that the listing got.
        title: names the listing and its changes.
    """
    was, version = recorded["prediction"], recorded["model"]["version"]
    shown = significant(was) if isinstance(was, float) else str(was)
    marks = ("imputed", prediction.imputed), ("unusual", prediction.unusual)
    notes = [Text(printable(f"{name}: {', '.join(names)}", 200)) for name, names in marks if names]
    predicted = Text(printable(f"predicted as it was published: {shown}, by version {version}", 200))
    return Group(explanation_chart(explanation, title), predicted, *notes)


def _cells(one: FeatureContribution, largest: float) -> list[Text]:
    length = round(_HALF * abs(one.contribution) / largest) if largest else 0
    bar = "█" * length
    is_more = one.contribution >= 0
    drawn = f"{'':<{_HALF}}|{bar}" if is_more else f"{bar:>{_HALF}}|"
    value = "missing" if one.value is None else f"{one.value:g}" if isinstance(one.value, float) else str(one.value)
    return [
        Text(printable(one.feature)),
        Text(printable(value, 30)),
        Text(drawn, style="red" if is_more else "blue"),
        Text(f"{one.contribution:+.3g}"),
    ]


def _range(data: ExplanationData) -> list[Text]:
    if data.interval is not None:
        low, high = data.interval
        return [Text(f"interval {significant(low)} to {significant(high)}{_coverage(data)}")]
    if data.candidates is not None:
        return [Text(printable(f"candidates {', '.join(data.candidates)}{_coverage(data)}", 200))]
    return []


def _coverage(data: ExplanationData) -> str:
    return f" ({data.coverage:.0%})" if data.coverage is not None else ""


def _about(data: ExplanationData) -> str:
    how = "TreeSHAP" if data.method == "tree_shap" else "SHAP by permutation"
    return f"{how} of version {data.model.version}; the base and what the features add make the sum"
