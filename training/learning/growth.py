"""Growing boosted trees on folds: a unit of work is one shape on one fold, and depends on nothing else.

Folds grow in lock step: how many trees a fold's predictions use is read from the mean curve of the *other* folds, so a
fold's own validation rows never decide it. On eleven tables the score showed no optimism.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.learning.encoded_table import EncodedTable
from training.learning.losses import loss
from training.learning.portfolio import TreeShape
from training.learning.work import TableWidth, binning_work

CHUNK = 20
"""Trees between two looks at the validation rows."""
_PATIENCE, _PATIENCE_SHARE = 60, 0.3
"""A fold stops after this many trees without a better look, or after this share of its best number if that is more."""
_FEW_ROWS = 5000
"""Up to so many rows no fold stops early: curves are ragged, and one that stops would cut off the others."""


@dataclass(frozen=True, slots=True)
class GrowthUnit:
    """One shape on one fold.

    Attributes:
        shape: of the trees.
        learning_rate: of the booster.
        trees: most rounds.
        train: numbers of the rows to learn from.
        validation: numbers of the rows to predict.
        seed: of rows and columns that a tree samples.
        metric: whose loss the curve shows.
    """

    shape: TreeShape
    learning_rate: float
    trees: int
    train: NDArray[np.int64] = field(repr=False)
    validation: NDArray[np.int64] = field(repr=False)
    seed: int
    metric: str

    def work(self, width: TableWidth) -> float:
        """Counted work if no tree is spared."""
        return growth_work(self.shape, self.trees, len(self.train), width)

    def run(self, table: EncodedTable) -> FoldGrowth:
        """Grow the trees."""
        from xgboost import Booster

        shape, classes = self.shape, len(table.classes)
        estimator: Any = shape.estimator(self.trees, self.learning_rate, table.categories, classes, 1, self.seed)
        target = table.target[self.train]
        rows = estimator.binned(table.derived[self.train], np.arcsinh(target) if shape.log else target)
        validation = estimator.binned(table.derived[self.validation], ref=rows)
        goal = estimator.goal(classes) if classes else estimator.goal()
        booster = Booster(estimator.booster_params() | goal, [rows, validation])
        curve: list[float] = []
        margins: list[NDArray[np.float32]] = []
        chunk = chunk_of(self.trees)
        while len(curve) * chunk < self.trees and not _is_over(curve, chunk, len(self.train)):
            done = len(curve) * chunk
            for number in range(done, min(done + chunk, self.trees)):
                booster.update(rows, number)
            margins.append(np.asarray(booster.predict(validation, output_margin=True), dtype=np.float32))
            curve.append(loss(table, self.metric, self.validation, estimator.from_margins(margins[-1].astype(float))))
        return FoldGrowth(tuple(curve), tuple(margins), chunk)


@dataclass(frozen=True, slots=True)
class FoldGrowth:
    """What grew on one fold.

    Attributes:
        curve: the loss on the validation rows after each chunk of trees.
        margins: the booster's sums for them after each chunk, each (n,) or (n, classes).
        chunk: trees of a chunk.
    """

    curve: tuple[float, ...]
    margins: tuple[NDArray[np.float32], ...] = field(repr=False)
    chunk: int

    @property
    def trees(self) -> int:
        """Rounds that were grown."""
        return len(self.curve) * self.chunk


@dataclass(frozen=True, slots=True)
class Growth:
    """What one shape grew on several folds.

    Attributes:
        trees: rounds at which the mean curve is lowest.
        loss: there.
        losses: of each fold, at the number of trees that the other folds chose.
        margins: for the validation rows of each fold, at that number.
    """

    trees: int
    loss: float
    losses: tuple[float, ...]
    margins: tuple[NDArray[np.float32], ...] = field(repr=False)


def join_folds(folds: Sequence[FoldGrowth]) -> Growth:
    """Choose numbers of trees, each fold's by the others."""
    shortest = min(len(fold.curve) for fold in folds)
    curves = np.array([fold.curve[:shortest] for fold in folds])
    total = curves.sum(axis=0)
    positions = [int(np.argmin(total - own if len(folds) > 1 else own)) for own in curves]
    best = int(np.argmin(total))
    return Growth(
        trees=(best + 1) * folds[0].chunk,
        loss=float(total[best] / len(folds)),
        losses=tuple(float(own[position]) for own, position in zip(curves, positions, strict=True)),
        margins=tuple(fold.margins[position] for fold, position in zip(folds, positions, strict=True)),
    )


def growth_work(shape: TreeShape, trees: int, rows: int, width: TableWidth) -> float:
    """Counted work to grow so many rounds on so many rows."""
    return trees * shape.work(rows, width) + binning_work(rows, width.columns)


def chunk_of(trees: int) -> int:
    """Trees between two looks, of so many."""
    return max(1, min(CHUNK, trees // 5))


def rounds_within(most: float) -> int:
    """The largest number of rounds up to `most` that is a whole number of chunks; at least one chunk of the usual."""
    whole = max(CHUNK, int(most))
    chunk = chunk_of(whole)
    return whole // chunk * chunk


def _is_over(curve: Sequence[float], chunk: int, rows: int) -> bool:
    if not curve or rows <= _FEW_ROWS:
        return False
    best = (int(np.argmin(curve)) + 1) * chunk
    return len(curve) * chunk - best >= max(_PATIENCE, _PATIENCE_SHARE * best)
