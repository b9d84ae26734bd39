"""The numerical functions of formulas, in numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.rows import Matrix

Outputs = NDArray[np.float64]


def fill_gaps(matrix: Matrix, fill: NDArray[np.float64]) -> Matrix:
    """The matrix with its gaps filled; the same object if it has none."""
    gaps = np.isnan(matrix)
    return np.where(gaps, fill, matrix) if gaps.any() else matrix


def yeo_johnson(matrix: Matrix, lambdas: NDArray[np.float64]) -> Matrix:
    """Each column transformed with its lambda, (columns,): the power transformation of Yeo and Johnson (2000)."""
    is_positive = matrix >= 0
    logarithms = np.log1p(np.abs(matrix))
    factors = np.where(is_positive, lambdas, 2 - lambdas)
    # where a factor is 0 the power is the logarithm
    is_log = np.abs(factors) < np.finfo(np.float64).eps
    powers = np.expm1(factors * logarithms) / np.where(is_log, 1.0, factors)
    transformed = np.where(is_log, logarithms, powers)
    return np.where(is_positive, transformed, -transformed)


def sharpened(probabilities: Outputs, power: float, least: float) -> Outputs:
    """Probabilities (n, classes), at least `least`, raised to a power and divided by their sum."""
    raised: Outputs = np.maximum(probabilities, least) ** power
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def softmax(sums: Outputs) -> Outputs:
    """Probabilities of sums, (n, classes)."""
    raised: Outputs = np.exp(sums - sums.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def sigmoid(sums: Outputs) -> Outputs:
    """Probabilities of two classes (n, 2), from the sum of the second, (n, 1)."""
    with np.errstate(over="ignore"):  # a probability of 0
        return complement(1 / (1 + np.exp(-sums)))


def complement(second: Outputs) -> Outputs:
    """Probabilities of two classes (n, 2), from that of the second, (n, 1)."""
    return np.concatenate([1 - second, second], axis=1)
