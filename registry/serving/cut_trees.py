"""Cuts the trees of a booster into tables: the sum for each code of a byte, whose bits say where a row goes right.

A tree of more nodes than bits is cut into subtrees, each with the nodes above it, whose tables hold 0 for the rows that
go elsewhere. So one table of a tree has a row's leaf, and the others add nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

_BITS = 8
CODES = 2**_BITS
_NS_A_SPLIT, _NS_A_BIT, _NS_A_TABLE, _NS_A_LEVEL = 0.2, 0.07, 0.5, 1.0
_AT_MOST = 0.8
"""What a row costs by tables and in XGBoost's library, as measured, and up to which ratio tables are worth it."""
_MOST_NODES = 128
_BEGUN_AS_STORED = frozenset({"reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "multi:softprob"})
"""Objectives whose stored base is what sums of trees begin with."""

Float32s = NDArray[np.float32]
_Path = tuple[tuple[int, int], ...]
_CODE_BITS = np.arange(CODES, dtype=np.int64)


class _StoredTree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    split_type: list[int]


class _TreeSize(msgspec.Struct):
    tree_param: dict[str, str]


class _TreeSizes(msgspec.Struct):
    trees: list[_TreeSize]


class _Trees(msgspec.Struct):
    trees: list[_StoredTree]
    tree_info: list[int]


class _Boosting(msgspec.Struct):
    name: str
    model: msgspec.Raw = msgspec.Raw(b"null")


class _Objective(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    gradient_booster: _Boosting
    learner_model_param: dict[str, str]
    objective: _Objective


class _Document(msgspec.Struct):
    learner: _Learner


class TreeSplit(NamedTuple):
    """A distinct comparison: a row goes right where its value is not below the condition.

    Attributes:
        column: of the value.
        gaps_left: 1 where a gap goes left, otherwise 0.
        condition: a number of 32 bits.
    """

    column: int
    gaps_left: int
    condition: float


class SumTable(NamedTuple):
    """A tree, or a part of one.

    Attributes:
        group: of the outputs, to which it adds.
        splits: each a bit of the code, from the highest.
        sums: for each code, (`CODES`,).
    """

    group: int
    splits: list[TreeSplit]
    sums: Float32s


class _GrownTree:
    def __init__(self, tree: _StoredTree) -> None:
        self._tree = tree
        conditions = np.array(tree.split_conditions, dtype=np.float32).tolist()
        self._conditions = conditions
        self._sizes = [0] * len(conditions)
        self.levels = self._measure(0)

    def parts(
        self, root: int = 0, path: tuple[tuple[int, int], ...] = ()
    ) -> Iterator[tuple[list[TreeSplit], Float32s]]:
        """The parts below a node, which rows reach along a path of nodes with 1 for right."""
        if self._sizes[root] + len(path) > _BITS:
            yield from self.parts(self._tree.left_children[root], (*path, (root, 0)))
            yield from self.parts(self._tree.right_children[root], (*path, (root, 1)))
            return
        nodes = [*(node for node, _ in path), *self._inner(root)]
        shifts = {node: len(nodes) - 1 - place for place, node in enumerate(nodes)}
        sums = self._sums(root, shifts)
        for node, side in path:
            sums = np.where(_CODE_BITS >> shifts[node] & 1 == side, sums, np.float32(0))
        yield [self._split(node) for node in nodes], sums

    def _measure(self, node: int) -> int:
        """The levels below a node; notes how many inner nodes there are."""
        left, right = self._tree.left_children[node], self._tree.right_children[node]
        if left < 0:
            return 0
        levels = 1 + max(self._measure(left), self._measure(right))
        self._sizes[node] = 1 + self._sizes[left] + self._sizes[right]
        return levels

    def _inner(self, node: int) -> list[int]:
        left = self._tree.left_children[node]
        return [] if left < 0 else [node, *self._inner(left), *self._inner(self._tree.right_children[node])]

    def _split(self, node: int) -> TreeSplit:
        return TreeSplit(self._tree.split_indices[node], self._tree.default_left[node], self._conditions[node])

    def _sums(self, node: int, shifts: dict[int, int]) -> Float32s:
        """The leaf below a node for each code."""
        left = self._tree.left_children[node]
        if left < 0:
            return np.full(CODES, self._conditions[node], dtype=np.float32)
        goes_right = _CODE_BITS >> shifts[node] & 1
        right = self._tree.right_children[node]
        return np.where(goes_right, self._sums(right, shifts), self._sums(left, shifts))


def cut_trees(document: bytes) -> tuple[Float32s, list[SumTable]] | None:
    """What the sums of a booster's trees begin with, (groups,), and the tables that are added in order.

    Args:
        document: the booster as JSON (`Booster.document`).

    Returns:
        None where tables are not worth it: if trees are deep, split on categories, or are of another kind.
    """
    try:
        learner = msgspec.json.decode(document, type=_Document).learner
    except msgspec.MsgspecError:  # a booster of another kind, or with a number that JSON does not have
        return None
    boosting = learner.gradient_booster
    if boosting.name != "gbtree" or learner.objective.name not in _BEGUN_AS_STORED:
        return None
    # sizes first, since the nodes of deep trees would take megabytes
    if not all(map(_is_small, msgspec.json.decode(boosting.model, type=_TreeSizes).trees)):
        return None
    model = msgspec.json.decode(boosting.model, type=_Trees)
    if any(any(tree.split_type) for tree in model.trees) or (tables := _tables_of(model)) is None:
        return None
    return np.array(json.loads(learner.learner_model_param["base_score"]), dtype=np.float32), tables


def _is_small(tree: _TreeSize) -> bool:
    """Whether a tree has one value in a leaf, and is not far beyond what tables are for."""
    return tree.tree_param["size_leaf_vector"] in {"0", "1"} and int(tree.tree_param["num_nodes"]) < _MOST_NODES


def _tables_of(model: _Trees) -> list[SumTable] | None:
    tables: list[SumTable] = []
    library_ns = 0.0
    for tree, group in zip(model.trees, model.tree_info, strict=True):
        grown = _GrownTree(tree)
        library_ns += _NS_A_LEVEL * (1 + grown.levels)
        if grown.levels > _BITS:
            return None
        tables += [SumTable(group, splits, sums) for splits, sums in grown.parts()]
        if len(tables) * _NS_A_TABLE > library_ns:
            return None
    bits = sum(len(table.splits) for table in tables)
    splits = len({split for table in tables for split in table.splits})
    cost_ns = _NS_A_SPLIT * splits + _NS_A_BIT * bits + _NS_A_TABLE * len(tables)
    return tables if cost_ns <= _AT_MOST * library_ns else None
