"""The simulation of verdicts, small: few of them are false, and naive ways often are."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rollouts import arms, pairs
from benchmarks.rollouts.looks import Found
from benchmarks.rollouts.population import Population

RUNS, OUTCOMES = 100, 2000


@pytest.fixture(scope="module")
def population() -> Population:
    """Two models whose errors are alike, and equally large on average."""
    rng = np.random.default_rng(11)
    truth = rng.gamma(6, 4, 500)
    error = rng.standard_t(5, 500) * (1 + truth / 40)
    other = 0.8 * error + 0.6 * rng.standard_t(5, 500) * (1 + truth / 40)
    return Population(truth, truth + error, truth + other).with_gain(0)


def _rng() -> np.random.Generator:
    return np.random.default_rng(12)


def test_few_verdicts_on_equal_models_are_false(population: Population) -> None:
    verdict = pairs.independent(_rng(), population, 5 * RUNS, OUTCOMES)
    naive = pairs.independent(_rng(), population, 5 * RUNS, OUTCOMES, is_naive=True)
    assert verdict.any_share <= 0.05
    assert naive.any_share >= 0.2


def test_a_better_challenger_is_found(population: Population) -> None:
    found = pairs.independent(_rng(), population.with_gain(0.2), RUNS, OUTCOMES)
    assert found.better_share >= 0.95
    assert found.median < OUTCOMES / 2


def test_outcomes_of_subjects_need_means(population: Population) -> None:
    def simulate(*, by_unit: bool) -> float:
        return pairs.clustered(_rng(), population, RUNS, OUTCOMES, size=50, correlation=0.4, by_unit=by_unit).any_share

    assert simulate(by_unit=True) <= 0.05
    assert simulate(by_unit=False) >= 0.2


def test_outcomes_that_come_late_must_be_waited_for(population: Population) -> None:
    halves = population.better_on_cheap(0.3)
    assert pairs.delayed(_rng(), halves, RUNS, OUTCOMES).any_share <= 0.05
    assert pairs.delayed(_rng(), halves, RUNS, OUTCOMES, is_mature=False).any_share >= 0.5


def test_outcomes_missing_unevenly_withhold_the_verdict(population: Population) -> None:
    halves = population.better_on_cheap(0.3)

    def simulate(*, is_checked: bool) -> float:
        found = pairs.missing(
            _rng(), halves, RUNS, OUTCOMES, chance=lambda p: np.where(p.is_dear, 0.6, 0.0), is_checked=is_checked
        )
        return found.any_share

    assert simulate(is_checked=True) <= 0.05
    assert simulate(is_checked=False) >= 0.5


def test_a_challenger_that_fails_where_it_is_hard_does_not_look_better(population: Population) -> None:
    hard = population.champion_loss > np.quantile(population.champion_loss, 0.9)
    fallen = population.with_failures(hard)

    def simulate(way: arms.Way) -> Found:
        return arms.compare(_rng(), fallen, RUNS, OUTCOMES, share=lambda _: 0.5, failing=hard, way=way)

    assert simulate("verdict").any_share <= 0.05
    assert simulate("t-test of served").better_share >= 0.9
