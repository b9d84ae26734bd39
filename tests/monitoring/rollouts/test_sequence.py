"""The confidence sequence, beside the package ville and its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from ville import AsymptoticCS

from monitoring.rollouts.moments import Moments
from monitoring.rollouts.sequence import ALPHA, NARROWEST_AT, count_until_decided, interval, radius


def moments_of(values: np.ndarray) -> Moments:
    return Moments(float(len(values)), float(values.sum()), float((values**2).sum()))


def test_intervals_are_those_of_ville_after_every_value() -> None:
    values = np.random.default_rng(7).gamma(2.0, 1.5, 2000) - 2.8
    other = AsymptoticCS(alpha=ALPHA, t_opt=NARROWEST_AT, min_samples=2, intersect=False)
    # both are tuned for 500 values: ville by search, this one by the approximation of the paper
    other.rho_ = NARROWEST_AT / (-2 * np.log(ALPHA) + np.log(-2 * np.log(ALPHA) + 1))
    other.fit(values)
    moments = Moments()
    for position, value in enumerate(values):
        moments = moments.plus(float(value))
        if position > 0:
            expected = (other.lower_[position], other.upper_[position])
            assert interval(moments) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_tuning_is_as_narrow_as_a_search_finds() -> None:
    ours = NARROWEST_AT / (-2 * np.log(ALPHA) + np.log(-2 * np.log(ALPHA) + 1))
    found = AsymptoticCS(alpha=ALPHA, t_opt=NARROWEST_AT)
    values = np.random.default_rng(1).normal(size=NARROWEST_AT)
    found.fit(values)
    half = (found.upper_[-1] - found.lower_[-1]) / 2
    assert float(radius(NARROWEST_AT)) * values.std(ddof=1) == pytest.approx(half, rel=0.01)
    assert ours == pytest.approx(found.rho_, rel=0.1)


def test_a_value_that_is_replaced_leaves_no_trace() -> None:
    moments = Moments()
    for value in (1.0, 2.5, 4.0):
        moments = moments.plus(value)
    assert moments.plus(7.0).plus(7.0, -1.0) == moments
    assert float(moments.sd) == pytest.approx(np.std([1.0, 2.5, 4.0], ddof=1))


def test_many_runs_advance_at_once() -> None:
    values = np.random.default_rng(2).normal(size=(5, 50))
    together = Moments(np.zeros(5), np.zeros(5), np.zeros(5))
    for column in values.T:
        together = together.plus(column)
    low, high = interval(together)
    for run in range(5):
        assert (low[run], high[run]) == pytest.approx(interval(moments_of(values[run])))


@pytest.mark.parametrize(("mean", "margin"), [(0.5, 0.01), (0.0, 0.3)])
def test_as_many_more_values_as_announced_decide(mean: float, margin: float) -> None:
    half = np.array([1.0, -1.0] * 20) + mean
    moments = moments_of(half)
    more = count_until_decided(moments, margin)
    assert more is not None
    size, sd = moments.size + more, float(moments.sd)
    for extra, is_decided in ((0, True), (-2, False)):
        reach = sd * float(radius(size + extra))
        assert (reach < mean or mean + reach < margin) is is_decided


def test_nothing_is_announced_where_it_would_take_too_long() -> None:
    assert count_until_decided(moments_of(np.array([1.0, -1.0] * 20)), 1e-5) is None
