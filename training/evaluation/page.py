"""The HTML page of a report, which needs no other file: styles and plots are embedded."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader("training.evaluation", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page_of(report: Mapping[str, Any], plots: Sequence[Path]) -> str:
    """Render a report (see `training.evaluation.document`) with its plots, which are PNG files."""
    images = {path.stem: base64.b64encode(path.read_bytes()).decode() for path in plots}
    return _ENVIRONMENT.get_template("report.html.j2").render(report=report, images=images)
