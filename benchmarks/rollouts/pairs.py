"""Simulated rollouts with pairs: independent outcomes, outcomes that resemble each other, come late, or never come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollouts.looks import MIN_PAIRS, NEVER, Found, look, running
from benchmarks.rollouts.population import Population
from monitoring.rollouts.labelling import FAR_APART, is_uneven
from monitoring.rollouts.moments import Moments
from monitoring.rollouts.sequence import interval
from monitoring.rollouts.verdict import MIN_UNITS

Rng = np.random.Generator


def draw(rng: Rng, population: Population, runs: int, outcomes: int) -> NDArray[np.int64]:
    """Listings (runs, outcomes), by their position in the population."""
    return rng.integers(0, len(population.truth), (runs, outcomes))


def independent(rng: Rng, population: Population, runs: int, outcomes: int, *, is_naive: bool = False) -> Found:
    """Outcomes that have nothing to do with each other."""
    return look(running(population.difference[draw(rng, population, runs, outcomes)]), is_naive=is_naive)


def classes(rng: Rng, accuracies: tuple[float, float], runs: int, outcomes: int, *, is_naive: bool = False) -> Found:
    """Classes, with the accuracy of champion and challenger; both are wrong together in half of these cases."""
    champion, challenger = (1 - accuracy for accuracy in accuracies)
    both = min(champion, challenger) / 2
    chance = rng.random((runs, outcomes))
    only_champion, only_challenger = champion - both, challenger - both
    difference = np.where(chance < only_champion, 1.0, np.where(chance < only_champion + only_challenger, -1.0, 0.0))
    return look(running(difference), is_naive=is_naive)


def clustered(
    rng: Rng, population: Population, runs: int, outcomes: int, *, size: int, correlation: float, by_unit: bool = True
) -> Found:
    """Outcomes of subjects, in any order, that have a part of the difference in common.

    Args:
        rng: randomness.
        population: of the listings.
        runs: of the simulation.
        outcomes: in each run.
        size: outcomes of a subject.
        correlation: share of the variance that a subject's outcomes have in common.
        by_unit: whether means by subject are compared, as the product does, or single outcomes.
    """
    subjects = outcomes // size
    subject = np.argsort(rng.random((runs, outcomes)), axis=1) % subjects
    common = rng.normal(0, population.difference.std() * np.sqrt(correlation), (runs, subjects))
    own = population.difference[draw(rng, population, runs, outcomes)] * np.sqrt(1 - correlation)
    values = own + np.take_along_axis(common, subject, axis=1)
    return _by_subject(values, subject, subjects) if by_unit else look(running(values))


def _by_subject(values: NDArray[np.float64], subject: NDArray[np.int64], subjects: int) -> Found:
    runs, outcomes = values.shape
    rows = np.arange(runs)
    sizes, totals = np.zeros((runs, subjects)), np.zeros((runs, subjects))
    moments = Moments(np.zeros(runs), np.zeros(runs), np.zeros(runs))
    better, worse = np.full(runs, NEVER), np.full(runs, NEVER)
    for number in range(outcomes):
        which = subject[:, number]
        size, total = sizes[rows, which], totals[rows, which]
        moments = moments.plus(total / np.maximum(size, 1), -(size > 0).astype(np.float64))
        sizes[rows, which], totals[rows, which] = size + 1, total + values[:, number]
        moments = moments.plus(totals[rows, which] / sizes[rows, which])
        if number + 1 < MIN_PAIRS:
            continue
        low, high = interval(moments)
        may_speak = np.asarray(moments.size) >= MIN_UNITS
        better = np.where(may_speak & (low > 0), np.minimum(better, number + 1), better)
        worse = np.where(may_speak & (high < 0), np.minimum(worse, number + 1), worse)
    return Found(better, worse)


def by_hour(rng: Rng, population: Population, runs: int, hours: int, *, per_hour: int, correlation: float) -> Found:
    """Listings without subjects, whose outcomes of an hour have a part of the difference in common."""
    counts = rng.poisson(per_hour, (runs, hours)) + 1
    means = np.empty((runs, hours))
    for run in range(runs):
        values = population.difference[rng.integers(0, len(population.truth), counts[run].sum())]
        means[run] = np.add.reduceat(values, np.cumsum(counts[run]) - counts[run]) / counts[run]
    common = rng.normal(0, population.difference.std() * np.sqrt(correlation), (runs, hours))
    return look(running(means * np.sqrt(1 - correlation) + common), least=MIN_UNITS)


def delayed(rng: Rng, population: Population, runs: int, outcomes: int, *, is_mature: bool = True) -> Found:
    """Outcomes of dear listings come later.

    Args:
        rng: randomness.
        population: of the listings.
        runs: of the simulation.
        outcomes: in each run.
        is_mature: whether predictions are looked at in their order once all delays are over, or as outcomes come.
    """
    drawn = draw(rng, population, runs, outcomes)
    values = population.difference[drawn]
    if not is_mature:
        mean = np.where(population.is_dear, outcomes / 2, outcomes / 20)[drawn]
        arrival = np.arange(outcomes) + rng.exponential(mean)
        values = np.take_along_axis(values, np.argsort(arrival, axis=1), axis=1)
        # outcomes that come after the last listing is published are not seen
        is_seen = np.sort(arrival, axis=1) < outcomes
        return look(running(values, is_seen))
    return look(running(values))


def missing(
    rng: Rng,
    population: Population,
    runs: int,
    outcomes: int,
    *,
    chance: Callable[[Population], NDArray[np.float64]],
    is_checked: bool = True,
) -> Found:
    """Outcomes that never come, with a chance that depends on the listing or on the champion's answer.

    Args:
        rng: randomness.
        population: of the listings.
        runs: of the simulation.
        outcomes: listings in each run, with or without an outcome.
        chance: that an outcome is missing, of each listing of the population.
        is_checked: whether the verdict is withheld where shares of outcomes differ.
    """
    drawn = draw(rng, population, runs, outcomes)
    has_outcome = rng.random(drawn.shape) >= chance(population)[drawn]
    withheld = np.zeros(drawn.shape, dtype=np.bool_)
    if is_checked:
        cuts = np.quantile(population.champion, (0.2, 0.4, 0.6, 0.8))
        fifth = np.searchsorted(cuts, population.champion)[drawn]
        says_more = (population.challenger > population.champion).astype(np.int64)[drawn]
        gap = np.abs(population.challenger - population.champion)
        is_far = (gap > FAR_APART * (cuts[-1] - cuts[0])).astype(np.int64)[drawn]
        withheld = _is_withheld(fifth, 5, has_outcome)
        withheld |= _is_withheld(says_more, 2, has_outcome) | _is_withheld(is_far, 2, has_outcome)
    return look(running(population.difference[drawn], has_outcome), withheld=withheld)


def _is_withheld(group: NDArray[np.int64], groups: int, has_outcome: NDArray[np.bool_]) -> NDArray[np.bool_]:
    members = [np.cumsum(group == each, axis=1) for each in range(groups)]
    outcomes = [np.cumsum((group == each) & has_outcome, axis=1) for each in range(groups)]
    found: NDArray[np.bool_] = is_uneven(
        np.stack(members, axis=-1).astype(np.float64), np.stack(outcomes, axis=-1).astype(np.float64)
    )
    return found
