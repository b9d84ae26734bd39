"""What of a table will stand in a version's way at the gate, said before anything is trained."""

from __future__ import annotations

from schemas.sections import GateSettings
from training.data.tables import Table

_RARE_ROWS = 10
"""Rows of a class below which folds hardly show whether it is recognised."""


def foreseen(train: Table, gate: GateSettings) -> list[str]:
    """Lines on what the gate will refuse or cannot judge well; empty if nothing stands in the way.

    Args:
        train: the training rows.
        gate: the limits.
    """
    domain = train.domain
    least = domain.limits.min_rows or gate.min_rows
    lines = []
    if len(train) < least:
        where = "min_rows of the domain's limits" if domain.limits.min_rows else "gate.min_rows"
        lines.append(f"the gate will keep it out: {len(train)} training rows, fewer than {least} ({where})")
    for name in domain.target.classes:
        count = int((train.target == name).sum())
        if count < _RARE_ROWS:
            lines.append(f"class {name} has {count} training rows: folds hardly show whether it is recognised")
    return lines
