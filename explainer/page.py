"""Renders an explanation as one self-contained HTML page: a bar for each feature, from the base to the prediction."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from schemas.explanations import ExplanationData, FeatureContribution

_LONGEST = 160
"""Characters of a text in a table; the parameter of a pipeline may be a whole estimator."""


def explanation_page(data: ExplanationData, title: str) -> str:
    """The page as HTML without scripts, fonts or links; light or dark as the reader's system is set."""
    environment = Environment(loader=PackageLoader("explainer"), autoescape=True, undefined=StrictUndefined)
    environment.filters["figure"] = figure_text
    return environment.get_template("explanation.html.j2").render(title=title, data=data, bars=bars(data))


def figure_text(value: object) -> str:
    """A number with four digits, any other text as it is, cut if it is very long; a dash for None."""
    if value is None:
        return "-"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def bars(data: ExplanationData) -> list[tuple[FeatureContribution, float, float]]:
    """Each contribution with the left end and the width of its bar, as shares of the widest range in percent."""
    largest = max((abs(one.contribution) for one in data.contributions), default=0.0) or 1.0
    widths = [(one, 50 * abs(one.contribution) / largest) for one in data.contributions]
    return [(one, 50.0 if one.contribution >= 0 else 50 - width, width) for one, width in widths]
