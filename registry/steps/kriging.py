"""Kriging: Gaussian process regression with automatic relevance determination and fast prediction.

The covariance of two rows is a signal times 1 / sqrt(1 + d^2), plus noise, where d is their distance after dividing
each column by its own length scale: the rational quadratic kernel of order 1/2. On Boston housing it predicts as well
as the Matern kernel of order 3/2, whose exponential takes longer than the rest of the prediction. Length scales, signal
and noise maximise the marginal likelihood, with its gradient in closed form (Rasmussen and Williams 2006, "Gaussian
Processes for Machine Learning", sections 4.2, 5.1 and 5.4). Scikit-learn's regressor computes the same mean, but its
rational quadratic kernel has one length scale, and with one per column its fit holds a gradient matrix for each.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

Vector = NDArray[np.float64]

MAX_ROWS, LENGTH_ROWS, MAX_STEPS = 1000, 400, 30

_JITTER = 1e-8
_CHUNK = 64
"""Rows predicted at once, so that their distances fit the processor's cache."""
_BOUNDS = {"signal": (1e-2, 1e3), "noise": (1e-4, 1.0), "length": (1e-1, 1e3)}


class Kriging(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the mean of a Gaussian process.

    Args:
        max_rows: largest number of training rows that it remembers; more are sampled.
        length_rows: largest number of these by which length scales, signal and noise are chosen. On tables of thousands
            of rows more choose no better, and the time grows with the cube of their number.
        max_steps: largest number of optimiser steps.
        random_state: seed of the samples.
    """

    def __init__(
        self,
        max_rows: int = MAX_ROWS,
        length_rows: int = LENGTH_ROWS,
        max_steps: int = MAX_STEPS,
        random_state: int = 0,
    ) -> None:
        self.max_rows = max_rows
        self.length_rows = length_rows
        self.max_steps = max_steps
        self.random_state = random_state

    def fit(self, X: Vector, y: Vector) -> Self:
        """Fit rows (n, columns), scaled to similar spreads and without gaps, and their targets (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        order = np.random.default_rng(self.random_state).permutation(len(X))[: self.max_rows]
        if len(order) < len(X) or len(order) > self.length_rows:
            X, y = X[order], y[order]
        self.mean_, self.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        target = (y - self.mean_) / self.spread_
        start = np.log([1.0, 0.1, *[np.sqrt(X.shape[1])] * X.shape[1]])
        bounds = np.log([_BOUNDS["signal"], _BOUNDS["noise"], *[_BOUNDS["length"]] * X.shape[1]])
        # one thread adds in the same order everywhere; an optimiser would amplify the differences
        with threadpool_limits(limits=1, user_api="blas"):
            optimum = minimize(
                _negative_likelihood,
                start,
                args=(X[: self.length_rows], target[: self.length_rows]),
                jac=True,
                bounds=bounds,
                method="L-BFGS-B",
                options={"maxiter": self.max_steps},
            )
            self._remember(X, target, optimum.x)
        return self

    def _remember(self, X: Vector, target: Vector, theta: Vector) -> None:
        self.signal_, self.noise_ = float(np.exp(theta[0])), float(np.exp(theta[1]))
        self.lengths_ = np.exp(theta[2:])
        self.rows_ = X / self.lengths_
        covariance = self.signal_ * _correlation(self.rows_, self.rows_)
        covariance[np.diag_indices_from(covariance)] += self.noise_ + _JITTER
        self.weights_ = self.signal_ * cho_solve(cho_factor(covariance, lower=True), target)

    def predict(self, X: Vector) -> Vector:
        """The posterior mean (n,) at rows (n, columns)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        scaled = X / self.lengths_
        means = np.empty(len(X))
        for start in range(0, len(X), _CHUNK):
            means[start : start + _CHUNK] = _correlation(scaled[start : start + _CHUNK], self.rows_) @ self.weights_
        return means * self.spread_ + self.mean_


def _correlation(first: Vector, second: Vector) -> Vector:
    """The correlation (n, m) of rows (n, columns) with rows (m, columns), both divided by the length scales."""
    # 1 + |a|^2 - 2ab + |b|^2 as one matrix product
    left = np.column_stack([first, (first**2).sum(axis=1) + 1, np.ones(len(first))])
    right = np.column_stack([-2 * second, np.ones(len(second)), (second**2).sum(axis=1)])
    squares = left @ right.T
    # rounding may make the distance of two equal rows negative
    np.maximum(squares, 1, out=squares)
    np.sqrt(squares, out=squares)
    correlation: Vector = np.divide(1, squares, out=squares)
    return correlation


def _negative_likelihood(theta: Vector, rows: Vector, target: Vector) -> tuple[float, Vector]:
    """The negative log marginal likelihood and its gradient, by the logarithms of signal, noise and length scales."""
    signal, noise, lengths = np.exp(theta[0]), np.exp(theta[1]), np.exp(theta[2:])
    scaled = rows / lengths
    correlation = _correlation(scaled, scaled)
    covariance = signal * correlation
    covariance[np.diag_indices_from(covariance)] += noise + _JITTER
    factor = cho_factor(covariance, lower=True)
    weights = cho_solve(factor, target)
    likelihood = -0.5 * target @ weights - np.log(np.diag(factor[0])).sum()
    # half the trace of (w w' - K^-1) dK, expanded for each parameter
    outer = np.outer(weights, weights) - cho_solve(factor, np.eye(len(target)))
    slope = signal * outer * correlation**3
    by_length = (scaled**2 * slope.sum(axis=1)[:, None]).sum(axis=0) - ((slope @ scaled) * scaled).sum(axis=0)
    gradient = [0.5 * signal * np.sum(outer * correlation), 0.5 * noise * np.trace(outer), *by_length]
    return -float(likelihood), -np.array(gradient)
