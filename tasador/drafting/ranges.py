"""The range that a draft declares for a number, from the values in the table."""

from __future__ import annotations

import math

from tasador.drafting.profile import MAX_CODES, ColumnProfile


def suggest_range(column: ColumnProfile) -> tuple[float, float]:
    """Lowest and highest value: the table's range, widened by half its span on either side.

    A column without negative values keeps 0 as the lowest; a few whole numbers, such as codes, are not widened.
    """
    low, high = column.low or 0.0, column.high or 0.0
    if column.is_whole and len(column.distinct) <= MAX_CODES and high > low:
        return low, high
    span = high - low or max(abs(high), 1.0)
    wide_low, wide_high = _round(low - span / 2, math.floor), _round(high + span / 2, math.ceil)
    if low >= 0:
        wide_low = max(wide_low, 0.0)
    return wide_low, wide_high


def format_bound(value: float) -> str:
    """A bound as a Python literal; a whole number without a decimal point."""
    return str(int(value)) if value.is_integer() else repr(value)


def _round(value: float, outwards: object) -> float:
    """Round to two significant digits, outwards."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scale = 10.0**digits
    rounded = math.floor(value * scale) if outwards is math.floor else math.ceil(value * scale)
    return float(round(rounded / scale, max(digits, 0)))
