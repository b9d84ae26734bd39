"""Builds the drift report: current windows against a reference, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring.drift.columns import Column
from monitoring.drift.comparison import ColumnComparison, compare_column
from monitoring.drift.verdicts import adjust_p_values, decide_alarm, decide_overall_verdict, decide_verdict
from schemas.drift import ColumnDrift, DriftReport, WindowSpan
from schemas.sections import DriftSettings


def compare(
    reference: Sequence[Column],
    windows: Sequence[Sequence[Column]],
    spans: Sequence[WindowSpan],
    limits: DriftSettings,
    **fields: Any,
) -> DriftReport:
    """Compare windows, which must not overlap, with a reference.

    Args:
        reference: the columns to report on.
        windows: newest first, each with the reference's columns in the same order; at most `limits.windows`.
        spans: size and ends of each window.
        limits: the thresholds, and the number of windows once there are enough rows.
        fields: further fields of the report.
    """
    windows = windows or [[column.cut(slice(0)) for column in reference]]
    comparisons = [
        [compare_column(old, new, limits) for old, new in zip(reference, window, strict=True)] for window in windows
    ]
    adjusted = [adjust_p_values(window) for window in comparisons]
    columns = tuple(
        _column(column, [window[i] for window in comparisons], [window[i] for window in adjusted], limits)
        for i, column in enumerate(reference)
    )
    return DriftReport(
        verdict=decide_overall_verdict(columns),
        reference_rows=max((len(column.values) for column in reference), default=0),
        windows=tuple(spans),
        needed=limits.needed,
        columns=columns,
        **fields,
    )


def _column(
    column: Column,
    comparisons: Sequence[ColumnComparison],
    adjusted: Sequence[tuple[float | None, float | None]],
    limits: DriftSettings,
) -> ColumnDrift:
    pairs = zip(comparisons, adjusted, strict=True)
    alarms = tuple(decide_alarm(comparison, p_values, limits.max_p) for comparison, p_values in pairs)
    sparse = sum(alarm is None and comparison.is_sparse for alarm, comparison in zip(alarms, comparisons, strict=True))
    shape_p, missing_p = adjusted[0]
    figures: dict[str, Any] = comparisons[0].figures
    return ColumnDrift(
        name=column.name,
        role=column.role,
        kind=column.kind,
        unit=column.unit,
        verdict=decide_verdict(alarms, sparse, limits.windows, limits.needed),
        alarms=alarms,
        p=shape_p,
        missing_p=missing_p,
        **figures,
    )
