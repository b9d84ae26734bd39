"""The range that a draft admits for a number, from what its table holds."""

from __future__ import annotations

import math

from tasador.drafting.profile import FEW, ColumnProfile


def admitted(column: ColumnProfile) -> tuple[float, float]:
    """Lowest and highest value to admit: the table's, and half of its span more on either side.

    What has no negative values gets none, and few whole numbers stay as they are.
    """
    low, high = column.low or 0.0, column.high or 0.0
    if column.is_whole and len(column.distinct) <= FEW and high > low:
        return low, high
    span = high - low or max(abs(high), 1.0)
    wide_low, wide_high = _round(low - span / 2, math.floor), _round(high + span / 2, math.ceil)
    if low >= 0:
        wide_low = max(wide_low, 0.0)
    return wide_low, wide_high


def spelt(value: float) -> str:
    """A bound as one writes it."""
    return str(int(value)) if value.is_integer() else repr(value)


def _round(value: float, outwards: object) -> float:
    """To two digits, away from the table's values."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scale = 10.0**digits
    rounded = math.floor(value * scale) if outwards is math.floor else math.ceil(value * scale)
    return float(round(rounded / scale, max(digits, 0)))
