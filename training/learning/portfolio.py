"""The portfolio: shapes of boosted trees that differ enough for one of them to fit a table that nobody has seen.

None was chosen for a table. Small stochastic trees suit hundreds of rows, deep ones and those that grow where they gain
most suit tens of thousands; a logarithmic target suits prices and counts; two levels suit targets that are almost sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from registry.steps.boosting import BoostedClassifier, BoostedRegressor
from training.learning.work import (
    TableWidth,
    boosting_cost,
    leaves_of_classes,
    levels_of,
    tree_work,
    vector_boosting_cost,
    vector_tree_work,
)

FINE_BINS = 1024
FINE_FROM = 10_000
"""Rows from which columns are cut into `FINE_BINS` bins."""


@dataclass(frozen=True, slots=True)
class TreeShape:
    """How the trees of a booster grow.

    Attributes:
        name: of the candidate that it makes.
        max_depth: deepest level; 0 for no limit.
        max_leaves: most leaves, grown where they gain most; 0 for no limit.
        min_child_weight: least rows of a leaf.
        subsample: share of the rows of each tree.
        colsample_bynode: share of the columns of each split.
        reg_lambda: L2 penalty of leaf values.
        log: whether the target is on a logarithmic scale.
        objective: XGBoost's loss for numbers.
        max_bin: most bins of a column.
        by_vector: whether a round has one tree, whose leaves hold a value for every class, instead of a tree for each
            class. It takes longer to grow, scores a row nearly as fast as the tree of a class, and takes codes of
            categories as numbers, since XGBoost does not split such a tree by sets of categories.
    """

    name: str
    max_depth: int = 6
    max_leaves: int = 0
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample_bynode: float = 1.0
    reg_lambda: float = 1.0
    log: bool = False
    objective: str = "reg:squarederror"
    max_bin: int = 256
    by_vector: bool = False
    _levels: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_levels", levels_of(self.max_depth, self.max_leaves))

    def work(self, rows: int, width: TableWidth) -> float:
        """Counted work of a round of boosting on so many rows and columns."""
        most = self.max_leaves or 2**self.max_depth
        leaves = min(most, max(2.0, rows / max(2.0, self.min_child_weight)))
        if width.groups > 1:
            leaves = leaves_of_classes(leaves, rows * self.subsample, width.groups, by_vector=self.by_vector)
        if self.by_vector:
            sampled = rows * self.subsample
            return vector_tree_work(sampled, width, self._levels, leaves, self.max_bin, share=self.colsample_bynode)
        return tree_work(
            rows * self.subsample,
            width,
            self._levels,
            leaves,
            self.max_bin,
            share=self.colsample_bynode,
            is_guided=bool(self.max_leaves),
        )

    def cost(self, trees: int, groups: int, rows: int) -> float:
        """Counted cost of a row in µs of a booster with so many rounds, grown on so many rows."""
        if self.by_vector:
            return vector_boosting_cost(trees, self._levels, groups)
        return boosting_cost(trees, self._levels, groups, rows, is_guided=bool(self.max_leaves))

    def params(self, learning_rate: float, classes: int) -> dict[str, Any]:
        """XGBoost's parameters."""
        shape: dict[str, Any] = {"max_depth": self.max_depth}
        if self.max_leaves:
            shape |= {"grow_policy": "lossguide", "max_leaves": self.max_leaves}
        if self.by_vector:
            shape |= {"multi_strategy": "multi_output_tree"}
        return shape | {
            "eta": learning_rate,
            # the second derivative of a row's log loss is at most a quarter
            "min_child_weight": self.min_child_weight / 4 if classes else self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bynode": self.colsample_bynode,
            "reg_lambda": self.reg_lambda,
            "max_bin": self.max_bin,
        }

    def estimator(
        self, trees: int, learning_rate: float, categories: Sequence[int], classes: int, seeds: int, seed: int
    ) -> BoostedRegressor | BoostedClassifier:
        """An unfitted estimator."""
        params = self.params(learning_rate, classes)
        if classes:
            return BoostedClassifier(trees, params, [] if self.by_vector else list(categories), seeds, seed)
        return BoostedRegressor(trees, params, list(categories), seeds, seed, objective=self.objective, log=self.log)


_SHAPES = (
    TreeShape("boosting-depth-6"),
    TreeShape("boosting-depth-3", 3, 0, 1, 0.7, 0.4),
    TreeShape("boosting-depth-4", 4, 0, 1, 0.7, 0.5),
    TreeShape("boosting-depth-6-sampled", 6, 0, 3, 0.8, 0.6),
    TreeShape("boosting-depth-8", 8, 0, 10, 0.8, 0.7, 3),
    TreeShape("boosting-leaves-31", 0, 31, 20),
    TreeShape("boosting-leaves-63", 0, 63, 10, 0.8, 0.7),
    TreeShape("boosting-depth-10", 10, 0, 20, 0.8, 0.5, 5),
    TreeShape("boosting-depth-2", 2, 0, 5, 0.8, 0.6),
)
_FOR_NUMBERS = (
    TreeShape("boosting-depth-3-log", 3, 0, 1, 0.7, 0.4, log=True),
    TreeShape("boosting-depth-6-log", 6, 0, 3, 0.8, 0.6, log=True),
    TreeShape("boosting-leaves-63-log", 0, 63, 10, 0.8, 0.7, log=True),
)
_FOR_CLASSES = (
    TreeShape("boosting-depth-4-heavy", 4, 0, 10, 0.8, 0.4, 10),
    TreeShape("boosting-depth-2-heavy", 2, 0, 20, 0.6, 0.3, 10),
)
_FOR_MANY_CLASSES = (
    TreeShape("boosting-vectors-depth-6", 6, max_bin=64, by_vector=True),
    TreeShape("boosting-vectors-depth-4", 4, 0, 1, 0.7, 0.5, max_bin=64, by_vector=True),
    TreeShape("boosting-vectors-depth-8", 8, 0, 3, 0.8, 0.6, max_bin=64, by_vector=True),
)
_ABSOLUTE = {"mae", "mape"}
"""Metrics of which the median is the best prediction, not the mean."""


def portfolio_for(metric: str, rows: int, groups: int) -> list[TreeShape]:
    """The shapes to try.

    Args:
        metric: that decides between them.
        rows: of the table.
        groups: trees of a round: one, or one for each of three or more classes.
    """
    from training.learning.metrics import CLASS_METRICS

    shapes = [*_SHAPES, *(_FOR_CLASSES if metric in CLASS_METRICS else _FOR_NUMBERS)]
    if metric in _ABSOLUTE:
        shapes = [replace(each, objective="reg:absoluteerror") for each in shapes]
    if rows > FINE_FROM:
        shapes = [replace(each, max_bin=FINE_BINS) for each in shapes]
    return [*shapes, *_FOR_MANY_CLASSES] if groups > 1 else shapes


def neighbours_of(shape: TreeShape, count: int, seed: int) -> list[TreeShape]:
    """Shapes round one: each of its parameters moves by a step at random.

    Args:
        shape: the leader.
        count: of shapes.
        seed: of the steps.
    """
    rng = np.random.default_rng(seed)
    found: list[TreeShape] = []
    for number in range(count):
        depth, leaves = shape.max_depth, shape.max_leaves
        if leaves:
            leaves = int(np.clip(round(leaves * float(rng.choice([0.5, 1.0, 2.0]))), 7, 255))
        else:
            depth = int(np.clip(depth + int(rng.integers(-1, 2)), 2, 10))
        found.append(
            replace(
                shape,
                name=f"{_base(shape.name)}-near-{number + 1}",
                max_depth=depth,
                max_leaves=leaves,
                min_child_weight=float(np.clip(shape.min_child_weight * rng.choice([0.4, 1.0, 2.5]), 1, 100)),
                subsample=float(np.clip(shape.subsample + rng.choice([-0.15, 0.0, 0.15]), 0.4, 1.0)),
                colsample_bynode=float(np.clip(shape.colsample_bynode + rng.choice([-0.2, 0.0, 0.2]), 0.15, 1.0)),
                reg_lambda=float(np.clip(shape.reg_lambda * rng.choice([0.3, 1.0, 3.0]), 0.1, 30)),
            )
        )
    return found


def _base(name: str) -> str:
    return name.partition("-near-")[0]
