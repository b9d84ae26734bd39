"""The cases of the simulation: equally good models, whose verdicts are all false, and challengers that are better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollouts import arms, pairs
from benchmarks.rollouts.looks import Found
from benchmarks.rollouts.population import Population

OUTCOMES = 10_000
Rng = np.random.Generator
Simulate = Callable[[Rng, int, int], Found]
"""Simulates a number of runs with a number of outcomes each."""


@dataclass(frozen=True)
class Case:
    """One row of a table.

    Attributes:
        name: what is simulated.
        verdict: as the product decides.
        naive: as one might decide instead; None if there is nothing to compare.
        naive_name: how.
        has_pairs: whether many runs can be simulated at once.
    """

    name: str
    verdict: Simulate
    naive: Simulate | None = None
    naive_name: str = ""
    has_pairs: bool = True


def equal_models(first: Population, second: Population) -> list[Case]:
    """Models that are equally good, so that `better` and `worse` are false."""
    one, other, halves = first.with_gain(0), second.with_gain(0), first.better_on_cheap(0.15)
    hard = one.champion_loss > np.quantile(one.champion_loss, 0.9)

    def grown(number: int) -> float:
        return 0.05 if number < 3000 else 0.25 if number < 6000 else 0.5  # noqa: PLR2004 - steps of a canary

    def case_of_arms(name: str, share: arms.ShareAt) -> Case:
        return Case(
            name,
            lambda rng, runs, n: arms.compare(rng, one, runs, n, share=share),
            lambda rng, runs, n: arms.compare(rng, one, runs, n, share=share, way="t-test"),
            "t-test at every outcome",
            has_pairs=False,
        )

    def rising(way: arms.Way) -> Simulate:
        return lambda rng, runs, n: arms.compare(
            rng, one, runs, n, share=grown, level=lambda number: 1 + number / 5000, way=way
        )

    def failing(way: arms.Way) -> Simulate:
        return lambda rng, runs, n: arms.compare(rng, one, runs, n, share=lambda _: 0.5, failing=hard, way=way)

    def missing(name: str, chance: Callable[[Population], NDArray[np.float64]], population: Population) -> Case:
        return Case(
            name,
            lambda rng, runs, n: pairs.missing(rng, population, runs, n, chance=chance),
            lambda rng, runs, n: pairs.missing(rng, population, runs, n, chance=chance, is_checked=False),
            "the same without the check",
        )

    return [
        _independent("pairs, two libraries", one),
        _independent("pairs, two settings of one library", other),
        Case(
            "pairs of classes, accuracy 0.94",
            lambda rng, runs, n: pairs.classes(rng, (0.94, 0.94), runs, n),
            lambda rng, runs, n: pairs.classes(rng, (0.94, 0.94), runs, n, is_naive=True),
            "t-test at every outcome",
        ),
        _clustered("20 outcomes a subject, correlation 0.1", one, 20, 0.1),
        _clustered("20 outcomes a subject, correlation 0.3", one, 20, 0.3),
        _clustered("100 outcomes a subject, correlation 0.1", one, 100, 0.1),
        Case(
            "no subjects, hours of 20 with correlation 0.1",
            lambda rng, runs, n: pairs.by_hour(rng, one, runs, n // 20, per_hour=20, correlation=0.1),
        ),
        Case(
            "dear listings are sold later; better on cheap ones",
            lambda rng, runs, n: pairs.delayed(rng, halves, runs, n),
            lambda rng, runs, n: pairs.delayed(rng, halves, runs, n, is_mature=False),
            "outcomes as they come",
        ),
        missing("30 % of outcomes missing at random", lambda p: np.full(len(p.truth), 0.3), one),
        missing("half of dear ones missing; better on cheap ones", lambda p: np.where(p.is_dear, 0.5, 0.0), halves),
        missing(
            "30 % missing where the champion says more than the challenger",
            lambda p: np.where(p.champion > p.challenger, 0.3, 0.0),
            one,
        ),
        missing(
            "half missing where the champion says 3 too much",
            lambda p: np.where(p.champion - p.truth > 3, 0.5, 0.0),  # noqa: PLR2004 - in the target's unit
            one,
        ),
        missing(
            "60 % missing where the champion is 3 off",
            lambda p: np.where(p.champion_loss > 3, 0.6, 0.0),  # noqa: PLR2004 - in the target's unit
            one,
        ),
        case_of_arms("arms without pairs, 50 %", lambda _: 0.5),
        case_of_arms("arms without pairs, 10 %", lambda _: 0.1),
        Case(
            "arms while the share grows and errors rise",
            rising("verdict"),
            rising("t-test"),
            "t-test at every outcome",
            has_pairs=False,
        ),
        Case(
            "the challenger fails on the hardest tenth",
            failing("verdict"),
            failing("t-test of served"),
            "t-test by the model that answered",
            has_pairs=False,
        ),
    ]


def better_challengers(first: Population, second: Population) -> list[Case]:
    """Challengers that are better by a share of the champion's error."""

    def paired(gain: float, models: Population, kind: str) -> Case:
        population = models.with_gain(gain)
        return Case(
            f"pairs, {kind}, {gain:.0%} better", lambda rng, runs, n: pairs.independent(rng, population, runs, n)
        )

    def unpaired(gain: float, share: float) -> Case:
        population = first.with_gain(gain)
        return Case(
            f"arms without pairs, {share:.0%}, {gain:.0%} better",
            lambda rng, runs, n: arms.compare(rng, population, runs, n, share=lambda _: share),
            has_pairs=False,
        )

    both = ((first, "two libraries"), (second, "two settings of one library"))
    return [
        *(paired(gain, models, kind) for models, kind in both for gain in (0.05, 0.1, 0.2)),
        unpaired(0.1, 0.5),
        unpaired(0.2, 0.5),
        unpaired(0.2, 0.1),
    ]


def _independent(name: str, population: Population) -> Case:
    return Case(
        name,
        lambda rng, runs, n: pairs.independent(rng, population, runs, n),
        lambda rng, runs, n: pairs.independent(rng, population, runs, n, is_naive=True),
        "t-test at every outcome",
    )


def _clustered(name: str, population: Population, size: int, correlation: float) -> Case:
    def simulate(*, by_unit: bool) -> Simulate:
        return lambda rng, runs, n: pairs.clustered(
            rng, population, runs, n, size=size, correlation=correlation, by_unit=by_unit
        )

    return Case(name, simulate(by_unit=True), simulate(by_unit=False), "each outcome for itself", has_pairs=False)
