"""The share of predictions that have an outcome, by group: a comparison is fair only if groups have equal shares.

Groups are the arms, the fifths of the champion's answer (or the classes that it names), whether the challenger answers
higher or lower, and whether the answers are far apart. Outcomes that are missing because of an answer make the better
model look worse as often as not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from schemas.rollouts import ArmName

MIN_PREDICTIONS = 20
"""Predictions that a group needs to be compared."""
MIN_GAP = 0.02
"""Smallest difference of two shares that matters."""
MAX_P = 0.02
"""Largest p-value of Pearson's test for equal shares with which they count as different."""
FAMILIES = ("arm", "answer", "direction", "gap")
"""Groups of one family are compared with each other."""
FAR_APART = 0.05
"""From which distance on two answers are far apart, as a share of that between the lowest and the highest cut point."""
SEPARATOR = "|"
"""Stands between the family of a group and how messages call it."""


class Labelled(NamedTuple):
    """Mature predictions of a group, and how many of them have an outcome."""

    predictions: int = 0
    outcomes: int = 0

    @property
    def share(self) -> float:
        """The share with an outcome; 0 of no predictions."""
        return self.outcomes / self.predictions if self.predictions else 0.0


def is_uneven(predictions: NDArray[np.float64], outcomes: NDArray[np.float64]) -> Any:
    """Whether the groups have shares of outcomes that differ, and by enough to matter.

    Args:
        predictions: mature predictions of each group, shape (..., groups).
        outcomes: how many of them have an outcome, of the same shape.
    """
    counts = predictions >= MIN_PREDICTIONS
    predictions, outcomes = np.where(counts, predictions, 0.0), np.where(counts, outcomes, 0.0)
    shares = outcomes / np.maximum(predictions, 1.0)
    common = outcomes.sum(-1) / np.maximum(predictions.sum(-1), 1.0)
    excess = (outcomes - predictions * common[..., None]) ** 2 / np.maximum(predictions, 1.0)
    statistic = excess.sum(-1) / np.maximum(common * (1 - common), 1e-12)
    # one limit for each number of groups, because the distribution is slow
    limits = chi2.isf(MAX_P, np.maximum(np.arange(predictions.shape[-1] + 1) - 1, 1))
    gap = np.where(counts, shares, -1.0).max(-1) - np.where(counts, shares, 2.0).min(-1)
    return (gap >= MIN_GAP) & (statistic > limits[counts.sum(-1)])


def find_unevenness(groups: Mapping[str, Labelled]) -> str | None:
    """Which groups have different shares of outcomes, as a message; None if all shares are alike."""
    for family in FAMILIES:
        members = {key.partition(SEPARATOR)[2]: each for key, each in groups.items() if key.startswith(family)}
        compared = {name: each for name, each in members.items() if each.predictions >= MIN_PREDICTIONS}
        if compared and is_uneven(*_counts(list(compared.values()))):
            low, high = (extreme(compared, key=lambda name: compared[name].share) for extreme in (min, max))
            return (
                f"outcomes are missing unevenly: {compared[low].share:.1%} of the predictions {low} have one, "
                f"{compared[high].share:.1%} of those {high}"
            )
    return None


def arm_group(arm: ArmName) -> str:
    """The key of the group of an arm."""
    return group_key("arm", f"of the {arm}'s arm")


ALL_PAIRS = f"all{SEPARATOR}"
"""The key of the group of all pairs, which is compared with no other."""


def group_key(family: str, name: str) -> str:
    """The key of a group; its name completes "the predictions ..."."""
    return f"{family}{SEPARATOR}{name}"


def _counts(groups: Sequence[Labelled]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.array(groups, dtype=np.float64)
    return table[:, 0], table[:, 1]
