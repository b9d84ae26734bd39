"""Seeing what goes on: logs, endpoints, metrics, status, the check of outcomes, dead letters, drift.

For notebooks: ``monitoring.drift_report(reference, current)`` compares two tables, ``monitoring.drift_page`` draws it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitoring.drift.page import drift_page
    from monitoring.drift.tables import drift_report

__all__ = ["drift_page", "drift_report"]

_HOMES = {"drift_page": "monitoring.drift.page", "drift_report": "monitoring.drift.tables"}


def __getattr__(name: str) -> Any:
    # scipy and pandas take their time, and most of this package does not need them
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
