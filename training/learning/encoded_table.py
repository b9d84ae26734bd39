"""A table as the matrix that members of a model learn from, made once and not again in every fold.

The codes of categories are declared by the domain, so they leak nothing from validation rows. What is learned from
rows, such as the values that fill gaps, is a step of a member and is fitted inside the fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from training.data.tables import Table
from training.learning.encoding import derive, encoder
from training.learning.work import TableWidth

_COUNTED_ROWS = 10_000
"""Rows in which different values are counted."""


@dataclass(frozen=True, slots=True)
class EncodedTable:
    """Training rows as numbers.

    Attributes:
        domain: of the rows.
        matrix: columns of the domain, NaN for gaps and codes for categories, shape (n, columns).
        derived: the same, followed by the derived columns, shape (n, columns + derived).
        target: prices, or positions in `classes`, shape (n,).
        classes: names of the classes that occur, in alphabetical order; empty for a regression.
        width: of `derived`, on which the work of a row depends.
    """

    domain: Domain
    matrix: NDArray[np.float64] = field(repr=False)
    derived: NDArray[np.float64] = field(repr=False)
    target: NDArray[np.float64] = field(repr=False)
    classes: tuple[str, ...]
    width: TableWidth = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = self.derived[:: -(-len(self.derived) // _COUNTED_ROWS) or 1]
        distinct = [len(np.unique(column[~np.isnan(column)])) for column in rows.T]
        codes = max((len(feature.categories or ()) for feature in self.domain.features), default=0)
        width = TableWidth(self.derived.shape[1], self.groups, np.array(distinct, dtype=np.int64), codes)
        object.__setattr__(self, "width", width)

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def groups(self) -> int:
        """Number of trees in a round of boosting: one, or one for each of three or more classes."""
        return len(self.classes) if len(self.classes) > 2 else 1  # noqa: PLR2004 - two classes need one sum

    @property
    def categories(self) -> list[int]:
        """Positions of the columns that hold codes of categories."""
        return [position for position, feature in enumerate(self.domain.features) if feature.categories]

    @property
    def labels(self) -> NDArray[np.float64] | NDArray[np.str_]:
        """What estimators learn: prices, or class names, shape (n,)."""
        return np.array(self.classes)[self.target.astype(np.int64)] if self.classes else self.target

    def to_domain_order(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes) with a column for each class of the domain; prices (n,) stay."""
        if not self.classes:
            return predictions
        whole = np.zeros((len(predictions), len(self.domain.target.classes)))
        whole[:, [self.domain.target.classes.index(name) for name in self.classes]] = predictions
        return whole


def encode_table(table: Table) -> EncodedTable:
    """Encode a table of training rows."""
    matrix = np.asarray(encoder(table.domain).fit_transform(table.frame), dtype=np.float64)
    step = derive(table.domain)
    derived = matrix if step is None else np.asarray(step.fit_transform(matrix))
    if not table.domain.target.classes:
        return EncodedTable(table.domain, matrix, derived, table.target.astype(np.float64), ())
    names, codes = np.unique(table.target.astype(str), return_inverse=True)
    return EncodedTable(table.domain, matrix, derived, codes.astype(np.float64), tuple(names.tolist()))
