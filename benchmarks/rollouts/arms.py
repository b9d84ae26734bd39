"""Simulated rollouts without pairs: each listing is answered by one model, and the arms are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollouts.looks import NEVER, Found
from benchmarks.rollouts.population import Population
from monitoring.rollouts.comparison import EXPECTED_FROM
from monitoring.rollouts.moments import Moments
from monitoring.rollouts.sequence import interval
from schemas.rollout_settings import RolloutSettings

_LEAST = RolloutSettings().min_outcomes
_NAIVE_Z = 1.96
Way = Literal["verdict", "t-test", "t-test of served"]
ShareAt = Callable[[int], float]
"""The challenger's share of the listings when a number of them have come."""


def compare(
    rng: np.random.Generator,
    population: Population,
    runs: int,
    outcomes: int,
    *,
    share: ShareAt,
    level: Callable[[int], float] = lambda _: 1.0,
    failing: NDArray[np.bool_] | None = None,
    way: Way = "verdict",
) -> Found:
    """Compare the arms after every outcome.

    Args:
        rng: randomness.
        population: of the listings.
        runs: of the simulation.
        outcomes: in each run.
        share: may grow, as in a canary.
        level: factor of all errors when a number of listings have come.
        failing: listings of the population that the champion answers in the challenger's place (`with_failures`).
        way: the product's verdict, a t-test on the means of the arms, or one on those of the models that answered.
    """
    is_failing = np.zeros(len(population.truth), dtype=np.bool_) if failing is None else failing
    empty = Moments(np.zeros(runs), np.zeros(runs), np.zeros(runs))
    champion, challenger, difference = empty, empty, empty
    better, worse = np.full(runs, NEVER), np.full(runs, NEVER)
    for number in range(outcomes):
        listing = rng.integers(0, len(population.truth), runs)
        is_challenger = rng.random(runs) < share(number)
        loss = level(number) * np.where(
            is_challenger, population.challenger_loss[listing], population.champion_loss[listing]
        )
        counted = is_challenger & ~is_failing[listing] if way == "t-test of served" else is_challenger
        is_known = np.minimum(champion.size, challenger.size) >= EXPECTED_FROM
        expected = champion.mean - challenger.mean
        value = np.where(
            counted,
            expected - (loss - challenger.mean) / share(number),
            expected + (loss - champion.mean) / (1 - share(number)),
        )
        difference = difference.plus(value, is_known.astype(np.float64))
        challenger = challenger.plus(loss, counted.astype(np.float64))
        champion = champion.plus(loss, (~counted).astype(np.float64))
        low, high = interval(difference) if way == "verdict" else _naive(champion, challenger)
        may_speak = np.minimum(champion.size, challenger.size) >= _LEAST
        better = np.where(may_speak & (low > 0), np.minimum(better, number + 1), better)
        worse = np.where(may_speak & (high < 0), np.minimum(worse, number + 1), worse)
    return Found(better, worse)


def _naive(champion: Moments, challenger: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    variances = [each.sd**2 / np.maximum(each.size, 1.0) for each in (champion, challenger)]
    half = _NAIVE_Z * np.sqrt(variances[0] + variances[1])
    mean = np.asarray(champion.mean - challenger.mean)
    return mean - half, mean + half
