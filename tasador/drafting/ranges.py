"""The range that a draft declares for a number, from the values in the table."""

from __future__ import annotations

import math
from collections.abc import Callable

from tasador.drafting.profile import MAX_CODES, ColumnProfile

_MAX_DIGITS = 290


def suggest_range(column: ColumnProfile) -> tuple[float, float]:
    """Lowest and highest value: the table's range, widened by half its span on either side.

    A column without negative values keeps 0 as the lowest; a few whole numbers, such as codes, are not widened. Bounds
    of whole numbers are whole.
    """
    low, high = column.low or 0.0, column.high or 0.0
    if column.is_whole and len(column.distinct) <= MAX_CODES and high > low:
        return low, high
    span = high - low or max(abs(high), 1.0)
    wide_low, wide_high = _round(low - span / 2, math.floor), _round(high + span / 2, math.ceil)
    if column.is_whole:
        wide_low, wide_high = float(math.floor(wide_low)), float(math.ceil(wide_high))
    if low >= 0:
        wide_low = max(wide_low, 0.0)
    return wide_low, wide_high


def format_bound(value: float) -> str:
    """A bound as a Python literal; a whole number without a decimal point."""
    return str(int(value)) if value.is_integer() else repr(value)


def _round(value: float, outwards: Callable[[float], int]) -> float:
    """Round to two significant digits, outwards; a number too large or too small for that stays."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    if not -_MAX_DIGITS < digits < _MAX_DIGITS:
        return value
    scale = 10.0**digits
    return float(round(outwards(value * scale) / scale, max(digits, 0)))
