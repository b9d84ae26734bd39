"""Errors by age: paired by period, with intervals that hold together."""

from __future__ import annotations

import numpy as np
import pytest

from history.ages import AgeError, errors_by_age, mean_excess

PERIODS = 12


def _losses(by_age: float, seed: int, noise: float = 0.05) -> np.ndarray:
    """Losses of models that get worse by a share with each period; some periods are twice as hard for all."""
    rng = np.random.default_rng(seed)
    hard = rng.choice([1.0, 2.0], PERIODS)
    losses = np.full((PERIODS, PERIODS), np.nan)
    for model in range(PERIODS):
        for period in range(model, PERIODS):
            losses[model, period] = hard[period] * (1 + by_age * (period - model) + rng.normal(0, noise))
    return losses


def test_errors_are_compared_with_new_models_on_the_same_periods() -> None:
    losses = np.array([[1.0, 4.0, np.nan], [np.nan, 2.0, 6.0], [np.nan, np.nan, 5.0]])
    fresh, older = errors_by_age(losses)
    assert (fresh.age, fresh.periods, fresh.error, fresh.excess, fresh.low) == (0, 3, 8 / 3, 0.0, None)
    # 4 and 6 beside 2 and 5
    assert (older.age, older.periods, older.error, older.fresh) == (1, 2, 5.0, 3.5)
    assert older.excess == pytest.approx(1.5 / 3.5)
    assert older.low is None


def test_a_growing_error_is_found_although_periods_differ() -> None:
    ages = errors_by_age(_losses(0.05, seed=1))
    assert next(each.age for each in ages if each.is_worse(0.01)) <= 3
    excesses = [each.excess or 0.0 for each in ages[:6]]
    assert excesses == pytest.approx([0.05 * age for age in range(6)], abs=0.05)


def test_one_in_twenty_tables_at_most_shows_an_age_that_is_not_worse() -> None:
    alarms = sum(any(each.is_worse(0.0) for each in errors_by_age(_losses(0.0, seed))) for seed in range(100))
    # one-sided, so about a half of the 5 % that the intervals leave
    assert alarms <= 5


def test_a_perfect_new_model_has_no_excess_to_compare_with() -> None:
    (fresh, older) = errors_by_age(np.array([[0.0, 1.0], [np.nan, 0.0]]))
    assert (fresh.excess, older.excess, older.is_worse(0.0)) == (None, None, False)


def test_the_excess_of_a_schedule_is_the_mean_of_its_ages() -> None:
    ages = tuple(AgeError(age=age, periods=9, error=1, fresh=1, excess=0.1 * age) for age in range(4))
    assert mean_excess(ages, 3) == pytest.approx(0.1)
    assert mean_excess(ages, 5) is None
    assert mean_excess(ages, 0) is None
