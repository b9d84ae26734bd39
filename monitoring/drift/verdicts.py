"""Decides verdicts: drift takes a large, significant and persistent effect; few rows or values leave it undecided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from monitoring.drift.comparison import ColumnComparison
from schemas.drift import ColumnDrift, ColumnVerdict, Verdict


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that the chance of any false alarm among all of them equals the level of a single test.

    The step-down method of Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = adjusted
    return [float(p) for p in result]


def adjust_p_values(window: Sequence[ColumnComparison]) -> list[tuple[float | None, float | None]]:
    """The p-values for shape and missing share of each column, adjusted for all tests of the window together.

    A test on the missing share that finds no difference is left out, so that it does not make the others stricter.
    """
    positions: list[tuple[int, int]] = []
    p_values: list[float] = []
    for column, comparison in enumerate(window):
        for kind, test in enumerate((comparison.shape, comparison.missing)):
            if test is not None and (kind == 0 or test.effect > 0):
                positions.append((column, kind))
                p_values.append(test.p)
    adjusted: list[list[float | None]] = [[None, None] for _ in window]
    for (column, kind), p in zip(positions, holm(p_values), strict=True):
        adjusted[column][kind] = p
    return [(shape, missing) for shape, missing in adjusted]


def decide_alarm(
    comparison: ColumnComparison, adjusted: tuple[float | None, float | None], max_p: float
) -> bool | None:
    """Whether a column alarms in a window: a test has a large effect and is significant. None with too few values."""
    for test, p in zip((comparison.shape, comparison.missing), adjusted, strict=True):
        if test is not None and p is not None and test.is_large and p < max_p:
            return True
    return None if comparison.shape is None else False


def decide_verdict(alarms: Sequence[bool | None], sparse: int, windows: int, needed: int) -> ColumnVerdict:
    """The verdict over the windows; an unknown window may still go either way.

    Args:
        alarms: one for each existing window, at most `windows`.
        sparse: how many of the unknown windows have rows enough and too few values, which more rows do not mend.
        windows: the number of windows to compare.
        needed: how many must alarm.
    """
    certain = sum(alarm is True for alarm in alarms)
    possible = windows - sum(alarm is False for alarm in alarms)
    if certain >= needed:
        return "drift"
    if possible < needed:
        return "no_drift"
    return "not_enough_rows" if possible - sparse >= needed else "too_few"


def decide_overall_verdict(columns: Iterable[ColumnDrift]) -> Verdict:
    """The verdict over all columns.

    Outcomes come late or never, so they can alarm but do not leave it undecided; nor does a column with too few values,
    unless all are like that.
    """
    columns = list(columns)
    verdicts = {column.verdict for column in columns if column.role != "outcome"}
    if "drift" in {column.verdict for column in columns}:
        return "drift"
    return "no_drift" if "no_drift" in verdicts and "not_enough_rows" not in verdicts else "not_enough_rows"
