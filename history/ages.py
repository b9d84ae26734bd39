"""How the error of a model grows with its age: figures from the errors of many refits on many periods."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from schemas.frozen_model import FrozenModel

CONFIDENCE = 0.95
"""Of all intervals of excess together."""
_FEWEST = 4
"""Periods that an interval needs."""


class AgeError(FrozenModel):
    """The error of models of one age.

    Attributes:
        age: in periods: models of age 0 predict the period that begins when they are fitted.
        periods: that were predicted at this age.
        error: mean over the periods.
        fresh: mean error of new models on the same periods.
        excess: how much larger `error` is, as a share of `fresh`; None if `fresh` is 0.
        low: lower end of the interval of `excess`; None for age 0 and below four periods.
        high: its upper end.
    """

    age: int
    periods: int
    error: float
    fresh: float
    excess: float | None
    low: float | None = None
    high: float | None = None

    def is_worse(self, by: float) -> bool:
        """Whether models of the age are surely worse than new ones, and by at least a share."""
        return self.excess is not None and self.low is not None and self.low > 0 and self.excess >= by


def errors_by_age(losses: NDArray[np.float64]) -> tuple[AgeError, ...]:
    """The error at each age, paired by period, so that a period that is hard for every model moves nothing.

    The interval is Student's, of the differences over periods; Bonferroni's correction makes all of them hold together.

    Args:
        losses: of the model that was fitted at the start of period i on period j, shape (periods, periods); NaN for
            j < i and where nothing was measured.
    """
    count = len(losses)
    compared = sum(np.isfinite(_pairs(losses, age)[1]).sum() >= _FEWEST for age in range(1, count))
    found = []
    for age in range(count):
        error, fresh = _pairs(losses, age)
        is_known = np.isfinite(error) & np.isfinite(fresh)
        if is_known.any():
            found.append(_age_error(age, error[is_known], fresh[is_known], max(compared, 1)))
    return tuple(found)


def _pairs(losses: NDArray[np.float64], age: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors at an age, and those of new models on the same periods."""
    return np.diagonal(losses, age), np.diagonal(losses)[age:]


def _age_error(age: int, error: NDArray[np.float64], fresh: NDArray[np.float64], compared: int) -> AgeError:
    base, more = float(fresh.mean()), error - fresh
    excess = float(more.mean()) / base if base else None
    low = high = None
    if age and excess is not None and len(more) >= _FEWEST:
        quantile = float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2 / compared, len(more) - 1))
        half = quantile * float(more.std(ddof=1)) / len(more) ** 0.5 / base
        low, high = excess - half, excess + half
    return AgeError(
        age=age, periods=len(more), error=float(error.mean()), fresh=base, excess=excess, low=low, high=high
    )


def mean_excess(ages: tuple[AgeError, ...], until: int) -> float | None:
    """The mean excess of models that are replaced at an age; None if not all ages below it are known."""
    known = [each.excess for each in ages if each.age < until and each.excess is not None]
    return float(np.mean(known)) if until and len(known) == until else None
