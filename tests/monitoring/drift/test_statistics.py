"""The statistics equal values worked out by hand."""

from __future__ import annotations

from math import log, log2, sqrt

import numpy as np
import pytest

from monitoring.drift import statistics


def test_psi_equals_the_sum_worked_out_by_hand() -> None:
    by_hand = (0.2 - 0.5) * log(0.2 / 0.5) + (0.8 - 0.5) * log(0.8 / 0.5)
    assert statistics.psi(np.array([5, 5]), np.array([2, 8])) == pytest.approx(by_hand)


def test_psi_counts_an_empty_bin_as_the_floor() -> None:
    by_hand = (1 - 0.5) * log(1 / 0.5) + (1e-4 - 0.5) * log(1e-4 / 0.5)
    assert statistics.psi(np.array([5, 5]), np.array([10, 0])) == pytest.approx(by_hand)


def test_bins_are_quantiles_of_the_reference_and_the_outer_ones_are_open() -> None:
    edges = statistics.psi_edges(np.arange(101.0))
    assert edges.tolist() == pytest.approx([10.0 * decile for decile in range(1, 10)])
    counts = statistics.count_bins(np.array([-1e9, 5.0, 55.0, 1e9]), edges)
    assert counts.tolist() == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_a_value_that_fills_several_quantiles_makes_one_edge() -> None:
    edges = statistics.psi_edges(np.array([0.0] * 90 + [1.0] * 10))
    assert len(edges) == len(set(edges.tolist())) <= 2


def test_js_is_a_distance_to_base_two() -> None:
    assert statistics.js(np.array([7, 0]), np.array([0, 3])) == pytest.approx(1)
    assert statistics.js(np.array([3, 1]), np.array([6, 2])) == pytest.approx(0, abs=1e-7)
    middle = (0.5 + 0.2) / 2
    divergence = 0.5 * (
        0.5 * log2(0.5 / middle)
        + 0.5 * log2(0.5 / (1 - middle))
        + 0.2 * log2(0.2 / middle)
        + 0.8 * log2(0.8 / (1 - middle))
    )
    assert statistics.js(np.array([5, 5]), np.array([2, 8])) == pytest.approx(sqrt(divergence))


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    values = np.random.default_rng(1).normal(size=500)
    assert statistics.wasserstein(values, values + 0.25) == pytest.approx(0.25)


def test_a_shift_of_a_reference_without_spread_is_large_and_finite() -> None:
    assert statistics.in_deviations(0.5, 0.0) == statistics.LARGEST_SHIFT
    assert statistics.in_deviations(-0.5, 0.0) == -statistics.LARGEST_SHIFT
    assert statistics.in_deviations(0.0, 0.0) == 0
    assert statistics.in_deviations(3.0, 2.0) == 1.5


def test_ks_sees_the_whole_distribution() -> None:
    distance, p = statistics.ks(np.zeros(100), np.ones(100))
    assert (distance, p < 1e-20) == (1.0, True)
    assert statistics.ks(np.arange(100.0), np.arange(100.0)) == (0.0, 1.0)


def test_chi_squared_looks_only_at_categories_that_occur() -> None:
    same = statistics.chi_squared_p(np.array([50, 50, 0]), np.array([25, 25, 0]))
    assert same == pytest.approx(1)
    assert statistics.chi_squared_p(np.array([50, 0]), np.array([25, 0])) == 1
    assert statistics.chi_squared_p(np.array([500, 0]), np.array([450, 50])) < 1e-9
