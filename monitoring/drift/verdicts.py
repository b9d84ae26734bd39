"""When figures become a verdict: an effect that matters, significance, and persistence; or too few rows to tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from monitoring.drift.measuring import Measured
from schemas.drift import ColumnDrift, Verdict


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that the chance of any false alarm among all of them stays at the level of one.

    The step-down method of Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = adjusted
    return [float(p) for p in result]


def adjust(window: Sequence[Measured]) -> list[tuple[float | None, float | None]]:
    """For each column of one window, the adjusted p-values of its shape and its gaps; all tests of a window together.

    A test in which nothing can differ (no gaps on either side) is none, and does not make the others stricter.
    """
    places: list[tuple[int, int]] = []
    raw: list[float] = []
    for number, measured in enumerate(window):
        for side, test in enumerate((measured.shape, measured.gaps)):
            if test is not None and (side == 0 or test.effect > 0):
                places.append((number, side))
                raw.append(test.p)
    found: list[list[float | None]] = [[None, None] for _ in window]
    for (number, side), p in zip(places, holm(raw), strict=True):
        found[number][side] = p
    return [(shape, gaps) for shape, gaps in found]


def alarm(measured: Measured, adjusted: tuple[float | None, float | None], max_p: float) -> bool | None:
    """Whether a column alarms in a window: a test has a large effect and is significant. None if that is unknown."""
    shape_p, gaps_p = adjusted
    for test, p in ((measured.shape, shape_p), (measured.gaps, gaps_p)):
        if test is not None and p is not None and test.is_large and p < max_p:
            return True
    return None if measured.shape is None else False


def settle(alarms: Sequence[bool | None], windows: int, needed: int) -> Verdict:
    """The verdict over the windows; what is unknown may still turn out either way.

    Args:
        alarms: of the windows there are, at most `windows`.
        windows: how many are looked at.
        needed: how many must alarm.
    """
    certain = sum(alarm is True for alarm in alarms)
    possible = windows - sum(alarm is False for alarm in alarms)
    if certain >= needed:
        return "drift"
    return "not_enough_rows" if possible >= needed else "no_drift"


def settle_whole(columns: Iterable[ColumnDrift]) -> Verdict:
    """The verdict over all columns. Outcomes come late or never, so they can alarm but not hold up the others."""
    verdicts = {(column.verdict, column.role == "outcome") for column in columns}
    if ("drift", False) in verdicts or ("drift", True) in verdicts:
        return "drift"
    return "no_drift" if ("not_enough_rows", False) not in verdicts and verdicts else "not_enough_rows"
