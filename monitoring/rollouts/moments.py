"""Size, sum and sum of squares of a sample, from which mean and spread follow; a value can be replaced."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatOrArray = float | NDArray[np.float64]
"""One number, or an array of one shape, so that a simulation advances many runs at once."""


class Moments(NamedTuple):
    """The moments of a sample; of many samples if the fields are arrays."""

    size: FloatOrArray = 0.0
    total: FloatOrArray = 0.0
    squares: FloatOrArray = 0.0

    def plus(self, value: FloatOrArray, weight: FloatOrArray = 1.0) -> Moments:
        """With a value more, or a value less for the weight -1; the weight 0 changes nothing."""
        return Moments(self.size + weight, self.total + weight * value, self.squares + weight * value * value)

    @property
    def mean(self) -> FloatOrArray:
        """The mean; 0 of no values."""
        return self.total / np.maximum(self.size, 1.0)

    @property
    def sd(self) -> FloatOrArray:
        """The standard deviation, with the size less one as its denominator; 0 of less than two values."""
        # rounding can make the difference negative
        spread = np.maximum(self.squares - self.size * self.mean**2, 0.0)
        return np.sqrt(spread / np.maximum(self.size - 1.0, 1.0))
