"""Looks at a simulated rollout after every outcome, in many runs at once: by the product's verdict, or naively."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from monitoring.rollouts.moments import Moments
from monitoring.rollouts.sequence import interval
from schemas.rollout_settings import RolloutSettings

MIN_PAIRS = RolloutSettings().min_pairs
NEVER = np.iinfo(np.int64).max
_NAIVE_Z = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Found:
    """After how many outcomes each run said that the challenger is better, and worse; `NEVER` if it did not."""

    better: NDArray[np.int64]
    worse: NDArray[np.int64]

    @property
    def any_share(self) -> float:
        """The share of runs with either verdict."""
        return float(np.mean(np.minimum(self.better, self.worse) < NEVER))

    @property
    def better_share(self) -> float:
        """The share of runs that said better, and not worse before."""
        return float(np.mean(self.better < self.worse))

    @property
    def median(self) -> float:
        """The median number of outcomes until a run said better; infinite if less than half of them did."""
        middle = np.median(np.where(self.better < self.worse, self.better.astype(np.float64), np.inf))
        return float(middle)


def join(parts: list[Found]) -> Found:
    """Several runs together."""
    return Found(np.concatenate([part.better for part in parts]), np.concatenate([part.worse for part in parts]))


def running(values: NDArray[np.float64], counts: NDArray[np.bool_] | None = None) -> Moments:
    """The moments after each value, for values (runs, values); those that do not count are left out."""
    weights = np.ones_like(values) if counts is None else counts.astype(np.float64)
    kept = values * weights
    return Moments(np.cumsum(weights, axis=1), np.cumsum(kept, axis=1), np.cumsum(kept * values, axis=1))


def look(moments: Moments, *, is_naive: bool = False, least: int = MIN_PAIRS, withheld: Any = False) -> Found:
    """What is said after each value, by the confidence sequence or by a t-test at 5 %.

    Args:
        moments: after each value, arrays (runs, values).
        is_naive: a t-test, as if this were the only look.
        least: values from which on anything is said.
        withheld: where nothing is said, (runs, values).
    """
    sizes = np.maximum(moments.size, 1.0)
    if is_naive:
        half = _NAIVE_Z * moments.sd / np.sqrt(sizes)
        low, high = moments.mean - half, moments.mean + half
    else:
        low, high = interval(moments)
    may_speak = (np.asarray(moments.size) >= least) & ~np.asarray(withheld)
    return Found(_first(may_speak & (low > 0)), _first(may_speak & (high < 0)))


def _first(is_true: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(is_true.any(axis=1), is_true.argmax(axis=1) + 1, NEVER)
