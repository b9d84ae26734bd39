"""Renders an explanation as one self-contained HTML page: a bar for each feature, from the base to the prediction."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from schemas.explanations import ExplanationData, FeatureContribution


def explanation_page(data: ExplanationData, title: str) -> str:
    """The page as HTML without scripts, fonts or links; light or dark as the reader's system is set."""
    environment = Environment(loader=PackageLoader("explainer"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("explanation.html.j2").render(title=title, data=data, bars=bars(data))


def bars(data: ExplanationData) -> list[tuple[FeatureContribution, float, float]]:
    """Each contribution with the left end and the width of its bar, as shares of the widest range in percent."""
    largest = max((abs(one.contribution) for one in data.contributions), default=0.0) or 1.0
    widths = [(one, 50 * abs(one.contribution) / largest) for one in data.contributions]
    return [(one, 50.0 if one.contribution >= 0 else 50 - width, width) for one, width in widths]
