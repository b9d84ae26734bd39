"""The texts of what-if: what would be answered, beside the answer to the listing as it is."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from console.pages.texts import facts, figure_or_text, range_of, step_name
from console.pictures.waterfall import draw_waterfall
from explainer.finding import PredictedRow
from schemas.events import PredictionData
from schemas.features import Feature
from schemas.what_if import WhatIfAnswer

MISSING = "missing"
"""Stands among the values of a category for none."""


def about() -> Markup:
    """What the form does."""
    return Markup(
        '<p class="empty">Change values, or clear one that may be missing. An explainer answers as the stream would; '
        "nothing is published or counted.</p>"
    )


def value_text(value: object) -> str:
    """A value as it is typed; empty where it is missing."""
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)


def range_text(feature: Feature) -> str:
    """Which values the stream takes."""
    bounds = f"{feature.ge:g} to {feature.le:g}" if feature.ge is not None and feature.le is not None else ""
    return ", ".join(filter(None, (f"{bounds} {feature.unit}".strip(), "may be missing" if feature.may_miss else "")))


def problem_text(text: str, kind: str = "bad") -> Markup:
    """Why there is no answer, or not yet."""
    return Markup('<p role="status" class="{}">{}</p>').format(kind, text)


def answer_text(row: PredictedRow, changes: Mapping[str, str], found: WhatIfAnswer, unchanged: WhatIfAnswer) -> Markup:
    """What would be answered.

    Args:
        row: as it was scored.
        changes: the values that are other ones.
        found: the answer to the changed listing.
        unchanged: that to the listing as it is.
    """
    data = found.prediction
    if data is None:
        return problem_text(found.why_not)
    changed = ", ".join(
        f"{name} {figure_or_text(row.features.get(name)) if row.features.get(name) is not None else MISSING}"
        f" → {text or MISSING}"
        for name, text in changes.items()
    )
    rows: list[tuple[str, object]] = [
        ("changed", changed or "nothing"),
        ("prediction", Markup("<strong data-what-if>{}</strong>").format(figure_or_text(data.prediction))),
        ("interval", range_of(data.model_dump())),
        ("confidence", data.confidence),
        ("imputed", ", ".join(data.imputed)),
        ("unusual", ", ".join(data.unusual)),
        ("as it is", _difference(data, unchanged.prediction)),
        ("when it was published", _recorded(row)),
        ("model", f"version {data.model.version}"),
    ]
    parts = [facts(rows, "What would be answered"), Markup("")]
    if (explanation := found.explanation) is not None:
        steps = [(step_name(each.feature, each.value), each.contribution) for each in explanation.contributions]
        title = f"Why {figure_or_text(explanation.prediction)}"
        parts[1] = draw_waterfall(title, explanation.base, steps, explanation.unit)
    return Markup('<div class="two"><div>{}</div><div>{}</div></div>').format(*parts)


def _difference(data: PredictionData, unchanged: PredictionData | None) -> str:
    if unchanged is None:
        return ""
    was = figure_or_text(unchanged.prediction)
    if isinstance(data.prediction, float) and isinstance(unchanged.prediction, float):
        return f"{was}; the change makes {data.prediction - unchanged.prediction:+.4g}"
    return was


def _recorded(row: PredictedRow) -> str:
    return f"{figure_or_text(row.data['prediction'])}, by version {row.data['model']['version']}"
