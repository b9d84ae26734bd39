"""Fitted trees of any library as arrays, and as a model that XGBoost's library scores.

XGBoost compares numbers of 32 bits and goes left if `value < condition`. The trees here go left if
`value <= threshold`, as scikit-learn's do, with a threshold of 64 bits. The condition is the number of 32 bits that
follows the largest one that is not above the threshold, so a value of 32 bits never goes another way. Siblings are
stored side by side, since the library looks for a right child beside its left sibling. Covers are stored because
contributions need them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.serving.ubjson import encode_ubjson

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST = float(np.finfo(np.float32).max)
_NO_PARENT, _NO_PARENT_OF_VECTORS = 2**31 - 1, -1


@dataclass(frozen=True)
class Tree:
    """One tree: arrays over its nodes, of which the first is the root.

    Attributes:
        left: the left child; -1 of a leaf.
        right: the right child; -1 of a leaf.
        column: that a node splits on.
        threshold: the largest number that goes left; unused where `categories` has the node.
        gaps_left: whether a gap goes left.
        cover: weight of the training rows that reached the node.
        values: (nodes, outputs), of which those of the leaves count.
        categories: node -> the codes that go right; all others go left.
        is_wide: whether the tree compared 64 bits of a value where it was trained.
    """

    left: Integers
    right: Integers
    column: Integers
    threshold: Floats
    gaps_left: NDArray[np.bool_]
    cover: Floats
    values: Floats
    categories: Mapping[int, Integers] = field(default_factory=dict)
    is_wide: bool = False

    @property
    def levels(self) -> int:
        """Splits on the longest way from the root to a leaf."""
        level, count = np.zeros(1, dtype=np.int64), -1
        while len(level):
            inner = level[self.left[level] >= 0]
            level, count = np.concatenate([self.left[inner], self.right[inner]]), count + 1
        return count

    def filled(self, fill: Floats) -> Tree:
        """The same tree of rows whose gaps are not filled, with `fill` (columns,) for those of each column.

        Where that is NaN, gaps stay gaps.
        """
        values = (fill if self.is_wide else fill.astype(np.float32).astype(np.float64))[self.column]
        goes_left = values <= self.threshold
        for node, codes in self.categories.items():
            goes_left[node] = values[node] not in codes
        return replace(self, gaps_left=np.where(np.isnan(values), self.gaps_left, goes_left))

    def with_siblings_together(self) -> Tree:
        """The same tree in breadth-first order, in which each right child follows its left sibling."""
        level, levels = np.zeros(1, dtype=np.int64), []
        while len(level):
            levels.append(level)
            inner = level[self.left[level] >= 0]
            level = np.column_stack([self.left[inner], self.right[inner]]).ravel()
        order = np.concatenate(levels)
        place = np.full(len(self.left) + 1, -1, dtype=np.int64)  # the last stands for -1, no child
        place[order] = np.arange(len(order))
        categories = [(int(place[node]), codes) for node, codes in self.categories.items() if place[node] >= 0]
        return replace(
            self,
            left=place[self.left[order]],
            right=place[self.right[order]],
            column=self.column[order],
            threshold=self.threshold[order],
            gaps_left=self.gaps_left[order],
            cover=self.cover[order],
            values=self.values[order],
            categories=dict(sorted(categories, key=itemgetter(0))),
        )


@dataclass(frozen=True)
class TreeModel:
    """Trees whose values are added up, times a scale, plus an offset.

    Attributes:
        trees: each with one value in a leaf, or each with a value for every output.
        outputs: to which output each tree adds, of trees with one value.
        columns: number of columns of a row.
        offset: (outputs,).
        scale: of the sum, before the offset is added. It keeps whole votes whole, so that equal classes stay equal.
        is_begun: whether the library's sum begins with the offset, as in XGBoost's own boosters, and rounds as theirs.
    """

    trees: Sequence[Tree]
    outputs: Sequence[int]
    columns: int
    offset: Floats
    scale: float = 1.0
    is_begun: bool = False

    @property
    def has_vectors(self) -> bool:
        """Whether leaves hold a value for every output."""
        return bool(self.trees[0].values.shape[1] > 1)

    def tree_model(self) -> TreeModel:
        """The model itself, whose trees can be changed."""
        return self

    def filled(self, fill: Floats) -> TreeModel:
        """The same model of rows whose gaps are not filled yet, with the value (columns,) that fills each column."""
        return replace(self, trees=[tree.filled(fill) for tree in self.trees])

    def stored(self) -> bytes:
        """The model as XGBoost's library reads it; scale, and the offset unless sums begin with it, are not in it."""
        count, groups = len(self.trees), len(self.offset)
        by_vector = self.has_vectors
        tall = 1 if by_vector else groups
        trees = [_document(number, tree, self.columns) for number, tree in enumerate(self.trees)]
        model = {
            "cats": {"enc": [], "feature_segments": np.empty(0, np.int32), "sorted_idx": np.empty(0, np.int32)},
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
            "iteration_indptr": list(range(0, count + 1, tall)),
            "tree_info": list(self.outputs),
            "trees": trees,
        }
        params = {
            "base_score": f"[{','.join(map(str, (self.offset * self.is_begun).tolist()))}]",
            "boost_from_average": "0",
            "num_class": "0" if tall == 1 else str(groups),
            "num_feature": str(self.columns),
            "num_target": str(groups) if by_vector else "1",
        }
        objective: dict[str, Any] = {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}
        if tall > 1:
            objective = {"name": "multi:softprob", "softmax_multiclass_param": {"num_class": str(groups)}}
        learner = {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {"model": model, "name": "gbtree"},
            "learner_model_param": params,
            "objective": objective,
        }
        return encode_ubjson({"learner": learner, "version": [3, 2, 0]})


def merged(models: Sequence[TreeModel], weights: Sequence[float]) -> TreeModel:
    """One model whose outputs are the weighted sum of several models' outputs, all with vectors or all without."""
    factors = [weight * model.scale for weight, model in zip(weights, models, strict=True)]
    scale = max(factors, key=abs)
    trees = [
        replace(tree, values=tree.values * (factor / scale))
        for factor, model in zip(factors, models, strict=True)
        for tree in model.trees
    ]
    outputs = [output for model in models for output in model.outputs]
    offset = np.sum([weight * model.offset for weight, model in zip(weights, models, strict=True)], axis=0)
    return TreeModel(trees, outputs, models[0].columns, offset, scale)


def _document(number: int, tree: Tree, columns: int) -> dict[str, Any]:
    tree = tree.with_siblings_together()
    nodes, outputs = tree.values.shape
    is_leaf = tree.left < 0
    right, no_parent = tree.right, _NO_PARENT
    conditions = np.where(is_leaf, 0.0, _conditions(tree.threshold))
    vectors: dict[str, Any] = {}
    if outputs > 1:
        # a leaf with a vector names its place among all vectors as its right child
        right = np.where(is_leaf, np.cumsum(is_leaf) - 1, tree.right)
        vectors = {"leaf_weights": tree.values[is_leaf].ravel().astype(np.float32)}
        no_parent = _NO_PARENT_OF_VECTORS
    else:
        conditions = np.where(is_leaf, tree.values[:, 0], conditions)
    parents = np.full(nodes, no_parent, dtype=np.int32)
    parents[tree.left[~is_leaf]] = parents[tree.right[~is_leaf]] = np.flatnonzero(~is_leaf)
    types = np.zeros(nodes, dtype=np.uint8)
    types[list(tree.categories)] = 1
    sizes = np.array([len(codes) for codes in tree.categories.values()], dtype=np.int64)
    return {
        "base_weights": np.zeros(nodes * outputs, dtype=np.float32),
        "categories": np.concatenate([np.empty(0), *tree.categories.values()]).astype(np.int32),
        "categories_nodes": np.array(list(tree.categories), dtype=np.int32),
        "categories_segments": np.concatenate([np.zeros(1), np.cumsum(sizes)]).astype(np.int64)[: len(sizes)],
        "categories_sizes": sizes,
        "default_left": (tree.gaps_left & ~is_leaf).astype(np.uint8),
        "id": number,
        "left_children": tree.left.astype(np.int32),
        "loss_changes": np.zeros(nodes, dtype=np.float32),
        "parents": parents,
        "right_children": right.astype(np.int32),
        "split_conditions": conditions.astype(np.float32),
        "split_indices": np.where(is_leaf, 0, tree.column).astype(np.int32),
        "split_type": types,
        "sum_hessian": tree.cover.astype(np.float32),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(columns),
            "num_nodes": str(nodes),
            "size_leaf_vector": str(outputs),
        },
    } | vectors


def _conditions(thresholds: Floats) -> Floats:
    """The conditions of `value < condition` that values of 32 bits meet where they are `<= threshold`."""
    within = np.clip(thresholds, -LARGEST, LARGEST)
    nearest = within.astype(np.float32)
    below = np.where(nearest > within, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    with np.errstate(over="ignore"):  # infinity follows the largest number
        return np.nextafter(below, np.float32(np.inf)).astype(np.float64)
