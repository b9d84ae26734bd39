"""Drift, outcomes and quality, the audit log and retraining; `monitoring.monitor` is the process that runs them.

In notebooks, ``monitoring.drift_report(reference, current)`` compares two tables and ``monitoring.drift_page`` renders
the report as HTML.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitoring.drift.page import drift_page
    from monitoring.drift.tables import drift_report

__all__ = ["drift_page", "drift_report"]

_MODULES = {"drift_page": "monitoring.drift.page", "drift_report": "monitoring.drift.tables"}


def __getattr__(name: str) -> Any:
    # importing scipy and pandas is slow, and most of this package does not need them
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
