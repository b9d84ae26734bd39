"""The formula of a model: the operations by which a serving form computes predictions, as data without code.

A formula is a tree. Its steps turn a matrix (n, columns) into another; its estimators turn a matrix into outputs
(n, outputs), of which a regression has one and a classification one for each class. `registry.serving.compiler` makes
formulas of fitted pipelines, `registry.serving.interpreter` computes them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Function = Literal["sinh", "expm1", "exp", "sigmoid", "softmax", "complement"]
"""Applied to outputs: inverses of a target's transformation; sums to probabilities, of two classes from the sum of the
second; `complement` puts 1 - p before the probability p of the second class."""


class Numbers(msgspec.Struct, frozen=True):
    """An array of float64, bit by bit."""

    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: Any) -> Numbers:
        """The numbers of an array or a sequence."""
        array = np.ascontiguousarray(values, dtype="<f8")
        return cls(array.shape, array.tobytes())

    def array(self) -> NDArray[np.float64]:
        """The array, which is read-only.

        Raises:
            ValueError: the data do not have this shape.
        """
        return np.frombuffer(self.data, dtype="<f8").reshape(self.shape)


class FillGaps(msgspec.Struct, frozen=True, tag="fill"):
    """Fills gaps with one value for each column; NaN leaves them."""

    values: Numbers


class Append(msgspec.Struct, frozen=True, tag="append"):
    """Appends products of powers of columns, computed with gaps filled; the columns themselves keep their gaps."""

    powers: list[dict[int, float]]
    fill: Numbers | None = None


class Standardize(msgspec.Struct, frozen=True, tag="standardize"):
    """Subtracts a mean from each column and divides it by a scale."""

    mean: Numbers
    scale: Numbers


class YeoJohnson(msgspec.Struct, frozen=True, tag="yeo-johnson"):
    """The power transformation of Yeo and Johnson (2000), with one lambda for each column."""

    lambdas: Numbers


class OneHot(msgspec.Struct, frozen=True, tag="one-hot"):
    """Turns each column into a column of 0 or 1 for each of its categories."""

    categories: list[Numbers]


class Take(msgspec.Struct, frozen=True, tag="take"):
    """Takes some columns, by position."""

    columns: list[int]


class Join(msgspec.Struct, frozen=True, tag="join"):
    """Puts side by side what several chains of steps make of the matrix."""

    blocks: list[list[MatrixStep]]


MatrixStep = FillGaps | Append | Standardize | YeoJohnson | OneHot | Take | Join


class Membership(msgspec.Struct, frozen=True):
    """A column that trees compare: 1 where the code in another column is among these, else 0, and a gap for a gap."""

    column: int
    codes: list[int]


class Trees(msgspec.Struct, frozen=True, tag="trees"):
    """The sum of trees, times a scale, plus an offset (outputs,).

    Attributes:
        booster: the file that holds them, in XGBoost's own format.
        output: whether the sum itself counts, or the value that the booster's objective makes of it.
        memberships: columns that are appended to the matrix before.
        explained: the file of the same trees for the matrix without these columns, if contributions are wanted.
    """

    booster: str
    output: Literal["margin", "value"] = "margin"
    scale: float = 1.0
    offset: Numbers | None = None
    memberships: list[Membership] = []
    explained: str | None = None


class Linear(msgspec.Struct, frozen=True, tag="linear"):
    """Weights (columns, outputs) and intercept (outputs,)."""

    weights: Numbers
    intercept: Numbers


class Kernel(msgspec.Struct, frozen=True, tag="kernel"):
    """The mean of a Gaussian process (see `registry.steps.kriging`): points (m, columns) and their weights (m,)."""

    points: Numbers
    weights: Numbers
    lengths: Numbers
    mean: float
    spread: float


class Chain(msgspec.Struct, frozen=True, tag="chain"):
    """Steps, and the estimator of what they make of the matrix."""

    steps: list[MatrixStep]
    then: Formula


class Apply(msgspec.Struct, frozen=True, tag="apply"):
    """A function of an estimator's outputs."""

    function: Function
    to: Formula


class Sharpen(msgspec.Struct, frozen=True, tag="sharpen"):
    """Probabilities raised to a power and divided by their sum (see `registry.steps.sharpening`)."""

    power: float
    least: float
    of: Formula


class Mean(msgspec.Struct, frozen=True, tag="mean"):
    """The weighted sum of several estimators' outputs; the weights add up to 1."""

    members: list[Formula]
    weights: list[float]


Formula = Trees | Linear | Kernel | Chain | Apply | Sharpen | Mean


def boosters_in(formula: Formula) -> list[str]:
    """The files of boosters that a formula names."""
    match formula:
        case Trees():
            return [formula.booster, formula.explained] if formula.explained else [formula.booster]
        case Chain():
            return boosters_in(formula.then)
        case Apply():
            return boosters_in(formula.to)
        case Sharpen():
            return boosters_in(formula.of)
        case Mean():
            return [name for member in formula.members for name in boosters_in(member)]
        case _:
            return []
