"""Computes formulas, in numpy and through XGBoost's library: no library that trains is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from registry.booster import Booster
from registry.serving import numerics
from registry.serving.category_splits import appender_of
from registry.serving.formula import (
    Append,
    Apply,
    Chain,
    FillGaps,
    Formula,
    Function,
    Join,
    Kernel,
    Linear,
    MatrixStep,
    Mean,
    OneHot,
    Sharpen,
    Standardize,
    Take,
    Trees,
    YeoJohnson,
)
from registry.serving.tree_tables import margins_of
from schemas.rows import Matrix, derived_columns

Compute = Callable[[Matrix], NDArray[np.float64]]
"""From a matrix (n, columns) to another, or to outputs (n, outputs)."""

_CHUNK = 128
"""Rows whose distances are computed at once, so that they fit the processor's cache."""
_FARTHEST = 1e6
"""Distances of points nearer to 0 than this, in lengths, are rounded to no more than 1e-3 below 0."""


def estimator_of(formula: Formula, boosters: Mapping[str, Booster]) -> Compute:
    """The function that computes the outputs (n, outputs) of a formula.

    Args:
        formula: read from a serving form.
        boosters: by the name of their file.

    Raises:
        ValueError: the numbers of the formula do not fit each other.
    """
    match formula:
        case Trees():
            compute = _trees(formula, boosters[formula.booster])
        case Linear(weights, intercept):
            compute = _linear(weights.array(), intercept.array())
        case Kernel():
            compute = _kernel(formula)
        case Chain(steps, then):
            compute = _in_turn([*(step_of(step) for step in steps), estimator_of(then, boosters)])
        case Apply(function, to):
            compute = _in_turn([estimator_of(to, boosters), _FUNCTIONS[function]])
        case Sharpen(power, least, of):
            compute = _in_turn([estimator_of(of, boosters), partial(numerics.sharpened, power=power, least=least)])
        case Mean(members, weights):
            compute = _mean([estimator_of(member, boosters) for member in members], weights)
        case _:
            assert_never(formula)
    return compute


def step_of(step: MatrixStep) -> Compute:
    """The function that turns a matrix into another; raises as `estimator_of`."""
    match step:
        case FillGaps(values):
            compute: Compute = partial(numerics.fill_gaps, fill=values.array())
        case Append():
            compute = _append(step)
        case Standardize(mean, scale):
            compute = _standardize(mean.array(), scale.array())
        case YeoJohnson(lambdas):
            compute = partial(numerics.yeo_johnson, lambdas=lambdas.array())
        case OneHot(categories):
            compute = _one_hot([each.array() for each in categories])
        case Take(columns):
            compute = _take(columns)
        case Join(blocks):
            compute = _join([_in_turn([step_of(each) for each in block]) for block in blocks])
        case _:
            assert_never(step)
    return compute


def _in_turn(computations: Sequence[Compute]) -> Compute:
    if len(computations) == 1:
        return computations[0]

    def compute(matrix: Matrix) -> NDArray[np.float64]:
        for each in computations:
            matrix = each(matrix)
        return matrix

    return compute


def _trees(trees: Trees, booster: Booster) -> Compute:
    sums: Compute = margins_of(booster) if trees.output == "margin" else booster.predict
    if trees.memberships:
        sums = _in_turn([appender_of(trees.memberships), sums])
    offset = None if trees.offset is None else trees.offset.array()
    if offset is None and trees.scale == 1:
        return sums
    return lambda matrix: sums(matrix) * trees.scale + (0.0 if offset is None else offset)


def _append(step: Append) -> Compute:
    fill = None if step.fill is None else step.fill.array()

    def append(matrix: Matrix) -> Matrix:
        filled = matrix if fill is None else numerics.fill_gaps(matrix, fill)
        return np.column_stack([matrix, derived_columns(filled, step.powers)])

    return append


def _standardize(mean: NDArray[np.float64], scale: NDArray[np.float64]) -> Compute:
    return lambda matrix: (matrix - mean) / scale


def _take(columns: Sequence[int]) -> Compute:
    return lambda matrix: matrix[:, columns]


def _join(blocks: Sequence[Compute]) -> Compute:
    return lambda matrix: np.concatenate([block(matrix) for block in blocks], axis=1)


def _linear(weights: NDArray[np.float64], intercept: NDArray[np.float64]) -> Compute:
    return _on_one_thread(lambda matrix: matrix @ weights + intercept)


def _one_hot(categories: Sequence[NDArray[np.float64]]) -> Compute:
    positions = np.repeat(np.arange(len(categories)), [len(each) for each in categories])
    codes = np.concatenate(categories)
    return lambda matrix: (matrix[:, positions] == codes).astype(np.float64)


def _mean(members: Sequence[Compute], weights: Sequence[float]) -> Compute:
    def mean(matrix: Matrix) -> NDArray[np.float64]:
        total = members[0](matrix) * weights[0]
        for member, weight in zip(members[1:], weights[1:], strict=True):
            total += member(matrix) * weight
        return total

    return mean


def _kernel(kernel: Kernel) -> Compute:
    points, weights, lengths = kernel.points.array(), kernel.weights.array(), kernel.lengths.array()
    is_near = bool((np.abs(points) < _FARTHEST).all())
    # 1 + |a|^2 - 2ab + |b|^2 as one matrix product
    right = np.ascontiguousarray(np.vstack([-2 * points.T, np.ones(len(points)), (points**2).sum(axis=1)]))

    def means(matrix: Matrix) -> NDArray[np.float64]:
        scaled = matrix / lengths
        left = np.column_stack([scaled, (scaled**2).sum(axis=1) + 1, np.ones(len(scaled))])
        found = np.empty((len(left), 1))
        squares = np.empty((min(_CHUNK, len(left)), len(points)))
        for start in range(0, len(left), _CHUNK):
            rows = left[start : start + _CHUNK]
            inverse = np.matmul(rows, right, out=squares[: len(rows)])
            if not is_near:
                # rounding may make the distance of two equal rows negative
                np.maximum(inverse, 1, out=inverse)
            np.sqrt(inverse, out=inverse)
            np.divide(1, inverse, out=inverse)
            np.matmul(inverse, weights, out=found[start : start + _CHUNK, 0])
        return found * kernel.spread + kernel.mean

    return _on_one_thread(means)


def _on_one_thread(compute: Compute) -> Compute:
    """Limits matrix products to one thread: threads that wait for each other make the time depend on other load."""
    blas = _blas()

    def compute_on_one_thread(matrix: Matrix) -> NDArray[np.float64]:
        with blas.limit(limits=1):
            return compute(matrix)

    return compute_on_one_thread


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


_FUNCTIONS: dict[Function, Compute] = {
    "sinh": np.sinh,
    "expm1": np.expm1,
    "exp": np.exp,
    "sigmoid": numerics.sigmoid,
    "softmax": numerics.softmax,
    "complement": numerics.complement,
}
