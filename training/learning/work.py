"""Work: what steps of a training cost, counted before they run, so that a plan does not depend on clock or load.

A unit of work is the processor time, in seconds, that a step takes on one core of the machine of
docs/benchmarks-faster-cores.md.
The formulas were fitted to measured times of XGBoost and scikit-learn on tables of 400 to 200,000 rows and 6 to 100
columns; eight of ten steps took 0.67 to 1.53 s for a second of counted work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log2, sqrt

import numpy as np
from numpy.typing import NDArray

_TREE, _ROW, _CELL, _BIN, _GUIDED = 7.2e-5, 5.7e-9, 1.9e-9, 1.9e-9, 6e-6
"""Seconds of a tree, and of it a row and a level; a row, a level and a column; a leaf, a column and a bin; and a leaf
where the tree grows where it gains most."""
_VECTOR_BIN, _VECTOR_ROW = 1.6e-8, 1.6e-8
"""Seconds of a leaf, a column, a bin and a class where a leaf holds a value for every class; and of a row, a level and
a class."""
_ALL_ROWS, _UNCERTAIN = 3.0, 3.0
"""Levels of a tree of a class that all rows pass; and of how many classes one row is uncertain, which pass the rest."""
_SORT = 9.2e-8
"""Seconds to sort a cell into bins."""
_US_A_TREE, _US_A_LEVEL, _US_A_DEEPER_LEVEL, _US_A_GUIDED_LEVEL = 3e-3, 2e-3, 4e-3, 6e-3
"""Microseconds of a row and a tree, of a level of it, and of each beyond `_FLAT`; trees that grow where they gain most
are deep and uneven."""
_FLAT = 6
_US_A_SUM, _US_AN_OUTPUT, _US_A_COLUMN, _OF_CATEGORIES = 0.15, 0.06, 1.6e-3, 3.0
"""Microseconds of a row and a booster, of each of its outputs, and of an appended column (see
`registry.serving.category_splits`); and how many times as long a tree takes that still looks for categories."""
_MANY_CODES, _OF_MANY_CODES = 9, 2.5
"""Categories of a column from which on most trees of six levels look for more sets of them than columns can stand for,
and how many times as long a tree then takes on average."""
_US_A_LEVEL_OF_VECTORS, _US_A_VALUE = 3e-3, 5e-4
"""Microseconds of a row and a level, and of a class, of a tree with a value for every class."""


@dataclass(frozen=True, slots=True)
class TableWidth:
    """What the work of a row depends on.

    Attributes:
        columns: number of columns.
        groups: trees of a round: one, or one for each of three or more classes.
        distinct: different values of each column, (columns,), counted in some thousand rows.
        codes: most categories of a column.
    """

    columns: int
    groups: int
    distinct: NDArray[np.int64] = field(repr=False)
    codes: int = 0

    def bins(self, most: int, rows: float) -> float:
        """Bins of all columns together, of which each has at most so many, and at most one for each row and value."""
        return float(np.minimum(self.distinct, min(most, rows)).sum())


def levels_of(max_depth: int, max_leaves: int) -> float:
    """Levels that a row passes in a tree of this depth, or of this number of leaves if its depth has no limit."""
    return float(max_depth) if max_depth else log2(max_leaves) + 1


def passed_levels(levels: float, groups: int) -> float:
    """Levels that a row passes on average while a tree grows: a row that is certain of its class is not split on."""
    if groups == 1:
        return levels
    return min(levels, _ALL_ROWS) + max(0.0, levels - _ALL_ROWS) * min(1.0, _UNCERTAIN / groups)


def leaves_of_classes(most: float, rows: float, groups: int, *, by_vector: bool) -> float:
    """Leaves that a tree of a class has when it may have `most`: rows that are certain of their class are not split."""
    usual = rows / 7 if by_vector else 3.0 * (rows / groups) ** 0.55
    return most / (1 + most / usual)


def tree_work(
    rows: float, width: TableWidth, levels: float, leaves: float, max_bin: int, *, share: float, is_guided: bool
) -> float:
    """Work of one round of boosting.

    Args:
        rows: that it learns from.
        width: of the table.
        levels: as `levels_of`.
        leaves: of a tree.
        max_bin: most bins of a column.
        share: of the columns that a split chooses from.
        is_guided: whether a tree grows where it gains most.
    """
    passing = rows * passed_levels(levels, width.groups) * (_ROW + _CELL * width.columns)
    splitting = leaves * (_BIN * share * width.bins(max_bin, rows) + _GUIDED * is_guided)
    return width.groups * (_TREE + passing + splitting)


def vector_tree_work(
    rows: float, width: TableWidth, levels: float, leaves: float, max_bin: int, *, share: float
) -> float:
    """Work of one round of boosting by a tree with a value for every class; arguments as of `tree_work`."""
    a_level = _ROW + _CELL * width.columns + _VECTOR_ROW * width.groups
    passing = rows * passed_levels(levels, width.groups) * a_level
    return _TREE + passing + leaves * _VECTOR_BIN * share * width.bins(max_bin, rows) * width.groups


def vector_boosting_cost(trees: int, levels: float, groups: int) -> float:
    """Counted cost of a row in µs: trees with this number of levels and a value for every class."""
    return trees * (_US_A_LEVEL_OF_VECTORS * levels + _US_A_VALUE * groups)


def binning_work(rows: int, columns: int) -> float:
    """Work to sort the cells of a table into bins."""
    return _SORT * rows * columns


def boosting_cost(trees: int, levels: float, groups: int, codes: int = 0, *, is_guided: bool = False) -> float:
    """Counted cost of a row in µs of boosters that are not grown yet.

    Args:
        trees: rounds.
        levels: as `levels_of`.
        groups: trees of a round.
        codes: most categories of a column.
        is_guided: whether a tree grows where it gains most.
    """
    a_tree = _US_A_GUIDED_LEVEL * levels if is_guided else _tree_cost(levels)
    return trees * groups * a_tree * (_OF_MANY_CODES if codes > _MANY_CODES else 1.0)


def _tree_cost(levels: float) -> float:
    return _US_A_TREE + _US_A_LEVEL * levels + (_US_A_DEEPER_LEVEL - _US_A_LEVEL) * max(0.0, levels - _FLAT)


def grown_cost(levels: Iterable[int], looking: Iterable[bool], outputs: int, columns: int) -> float:
    """Counted cost of a row in µs of trees that are grown, of which the depth is known.

    Args:
        levels: of each tree, the longest way.
        looking: whether each looks for categories.
        outputs: of all trees together.
        columns: number of columns that are appended to the matrix for categories.
    """
    each = (_tree_cost(deep) * (_OF_CATEGORIES if looks else 1.0) for deep, looks in zip(levels, looking, strict=True))
    return _US_A_SUM + _US_AN_OUTPUT * outputs + sum(each) + _US_A_COLUMN * columns


def forest_cost(trees: int, leaves: int, classes: int) -> float:
    """Counted cost of a row in µs of a forest whose trees have so many leaves."""
    return trees * (0.03 + 0.003 * classes if classes else 4.2e-3 * sqrt(leaves))


def forest_work(trees: int, rows: int, columns: int) -> float:
    """Work to fit a forest."""
    return trees * (2e-4 + 1e-8 * rows * log2(max(rows, 2)) * columns)


def kriging_cost(rows: int) -> float:
    """Counted cost of a row in µs of kriging that remembers this many rows."""
    return 5e-3 * rows


def kriging_work(rows: int, columns: int, length_rows: int, steps: int) -> float:
    """Work to fit kriging: its lengths on some rows, its weights on all that it remembers."""
    return steps * length_rows**2 * (6e-8 + 1e-9 * columns) + rows**3 * 4e-11 + rows**2 * columns * 1e-8


def linear_work(rows: int, columns: int, classes: int) -> float:
    """Work to fit a linear model with its penalty chosen by itself, or for classes in some hundred steps."""
    if classes:
        return 1e-2 + 4e-8 * rows * columns * classes
    return 1e-2 + 1.5e-9 * rows * columns**2 + 2e-8 * rows * columns


def linear_cost(columns: int) -> float:
    """Counted cost of a row in µs of a linear model with this many columns after scaling."""
    return 0.1 + 0.005 * columns


def reading_work(rows: int, columns: int) -> float:
    """Work to read, check, encode and hash a table, and to store its rows with a version."""
    return 4e-6 * rows * columns
