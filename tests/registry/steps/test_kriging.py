from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, RationalQuadratic, WhiteKernel

from registry.steps.kriging import Kriging, _negative_likelihood

RNG = np.random.default_rng(4)
ROWS = RNG.normal(size=(120, 4))
TARGET = np.sin(2 * ROWS[:, 0]) + 0.5 * ROWS[:, 1] + 0.1 * RNG.normal(size=120) + 20


def test_the_gradient_matches_numeric_differentiation() -> None:
    theta = np.log([1.3, 0.2, 0.7, 2.0, 3.0, 5.0])
    target = TARGET - TARGET.mean()
    numeric = approx_fprime(theta, lambda at: _negative_likelihood(at, ROWS, target)[0], 1e-6)
    np.testing.assert_allclose(_negative_likelihood(theta, ROWS, target)[1], numeric, rtol=1e-3, atol=1e-3)


def test_the_mean_is_that_of_scikit_learns_regressor() -> None:
    fitted = Kriging().fit(ROWS, TARGET)
    kernel = ConstantKernel(fitted.signal_) * RationalQuadratic(1.0, alpha=0.5) + WhiteKernel(fitted.noise_)
    regressor = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None, normalize_y=True)
    regressor.fit(ROWS / fitted.lengths_, TARGET)
    near = ROWS[:50] + 0.1
    np.testing.assert_allclose(fitted.predict(near), regressor.predict(near / fitted.lengths_), rtol=1e-6)


def test_irrelevant_columns_get_large_length_scales() -> None:
    lengths = Kriging(max_steps=100).fit(ROWS, TARGET).lengths_
    assert max(lengths[:2]) * 3 < min(lengths[2:])


def test_more_rows_than_the_limit_are_sampled() -> None:
    fitted = Kriging(max_rows=50, random_state=3).fit(ROWS, TARGET)
    assert fitted.rows_.shape == (50, 4)
    np.testing.assert_array_equal(fitted.rows_, Kriging(max_rows=50, random_state=3).fit(ROWS, TARGET).rows_)


def test_a_constant_target_is_predicted() -> None:
    assert Kriging().fit(ROWS, np.full(120, 7.0)).predict(ROWS[:3]) == pytest.approx([7, 7, 7])
