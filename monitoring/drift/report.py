"""The report: current windows against a reference, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring.drift.columns import Column
from monitoring.drift.measuring import Measured, measure
from monitoring.drift.verdicts import adjust, alarm, settle, settle_whole
from schemas.drift import ColumnDrift, DriftReport, WindowSpan
from schemas.sections import DriftSettings


def compare(
    reference: Sequence[Column],
    windows: Sequence[Sequence[Column]],
    spans: Sequence[WindowSpan],
    limits: DriftSettings,
    **about: Any,
) -> DriftReport:
    """Compare windows that do not overlap with a reference.

    Args:
        reference: its columns; these are reported.
        windows: newest first, each with the reference's columns in the same order; at most `limits.windows`.
        spans: what each window is.
        limits: the thresholds, and how many windows there would be with rows enough.
        about: further fields of the report.
    """
    shown = windows or [[column.cut(slice(0)) for column in reference]]
    measured = [[measure(old, new, limits) for old, new in zip(reference, window, strict=True)] for window in shown]
    adjusted = [adjust(window) for window in measured]
    columns = tuple(
        _column(
            column,
            [window[number] for window in measured],
            [window[number] for window in adjusted],
            limits,
        )
        for number, column in enumerate(reference)
    )
    return DriftReport(
        verdict=settle_whole(columns),
        reference_rows=max((len(column.values) for column in reference), default=0),
        windows=tuple(spans),
        needed=limits.needed,
        columns=columns,
        **about,
    )


def _column(
    column: Column,
    measured: Sequence[Measured],
    adjusted: Sequence[tuple[float | None, float | None]],
    limits: DriftSettings,
) -> ColumnDrift:
    alarms = tuple(alarm(one, p, limits.max_p) for one, p in zip(measured, adjusted, strict=True))
    shape_p, gaps_p = adjusted[0]
    figures: dict[str, Any] = measured[0].figures
    return ColumnDrift(
        name=column.name,
        role=column.role,
        kind=column.kind,
        unit=column.unit,
        verdict=settle(alarms, limits.windows, limits.needed),
        alarms=alarms,
        p=shape_p,
        missing_p=gaps_p,
        **figures,
    )
