"""The confidence sequence of a mean: intervals that hold at all times together, however often one looks.

It is the asymptotic confidence sequence with Robbins's normal mixture boundary (Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences", theorem 2.2).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from monitoring.rollouts.moments import FloatOrArray, Moments

ALPHA = 0.05
"""Largest probability that the interval ever leaves out the true mean, on either side."""
NARROWEST_AT = 500
"""The count at which the boundary is chosen to be narrowest."""
_MOST = 1e7


def radius(count: FloatOrArray, alpha: float = ALPHA) -> Any:
    """Half the width of the interval after a number of values, in their standard deviations."""
    scale = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / NARROWEST_AT
    growth = count * scale + 1
    return np.sqrt(2 * growth / (count * count * scale) * np.log(np.sqrt(growth) / alpha))


def interval(moments: Moments, alpha: float = ALPHA) -> tuple[Any, Any]:
    """The lower and the upper end for the mean; they may be looked at after every value."""
    half = moments.sd * radius(np.maximum(moments.size, 1.0), alpha)
    return moments.mean - half, moments.mean + half


def count_until_decided(moments: Moments, margin: float) -> int | None:
    """How many more values it takes if mean and spread stay as they are.

    It is decided once the interval is clear of 0, or within the margin on both sides. None if that takes more than ten
    million values.
    """
    mean, sd = abs(float(moments.mean)), float(moments.sd)

    def is_decided(count: float) -> bool:
        half = sd * float(radius(count))
        return half < mean or mean + half < margin

    low = high = max(float(moments.size), 1.0)
    while not is_decided(high):
        if high > _MOST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if is_decided(middle) else (middle, high)
    return math.ceil(high - float(moments.size))
