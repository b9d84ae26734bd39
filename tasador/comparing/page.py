"""Renders the comparison of two versions as one self-contained HTML page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from explainer.page import bars, figure_text
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from tasador.comparing.comparison import compare_versions


def comparison_page(registry: Registry, settings: Settings, first: ModelVersionInfo, second: ModelVersionInfo) -> str:
    """The page as HTML without scripts, fonts or links; light or dark as the reader's system is set.

    Arguments and errors are those of `compare_versions`.
    """
    comparison = compare_versions(registry, settings, first, second)
    environment = Environment(loader=PackageLoader("tasador.comparing"), autoescape=True, undefined=StrictUndefined)
    environment.filters["figure"] = figure_text
    return environment.get_template("comparison.html.j2").render(comparison=comparison, bars=bars)
