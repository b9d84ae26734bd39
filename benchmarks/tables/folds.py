"""The outer folds of a table, the same for all contenders, and the identity by which stored results are found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from training.data.tables import Table

SEED = 2026
SMALL, MEDIUM = 2_000, 10_000
"""Rows up to which a table has five outer folds, and three; larger ones have two."""


@dataclass(frozen=True, slots=True)
class OuterFold:
    """One outer fold.

    Attributes:
        number: of the fold, from 0.
        train: the rows to learn from.
        test: the rows to predict.
        sha256: of domain, rows and split: equal for equal work.
    """

    number: int
    train: Table = field(repr=False)
    test: Table = field(repr=False)
    sha256: str


def outer_folds(table: Table, folds: int | None = None) -> list[OuterFold]:
    """The outer folds of a table; classes keep their shares.

    Args:
        table: all accepted rows.
        folds: how many; by default by the number of rows.
    """
    count = folds or (5 if len(table) <= SMALL else 3 if len(table) <= MEDIUM else 2)
    kind = StratifiedKFold if table.domain.target.classes else KFold
    content = hashlib.sha256(table.with_target().to_csv(index=False, lineterminator="\n").encode()).hexdigest()
    return [
        OuterFold(number, table.take(train), table.take(test), _digest(content, train, test))
        for number, (train, test) in enumerate(
            kind(count, shuffle=True, random_state=SEED).split(table.frame, table.target)
        )
    ]


def _digest(content: str, train: NDArray[np.int64], test: NDArray[np.int64]) -> str:
    rows = b"".join(each.astype("<i8").tobytes() for each in (train, test))
    return hashlib.sha256(content.encode() + rows).hexdigest()
