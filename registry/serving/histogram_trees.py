"""The trees of scikit-learn's boosting over histograms as arrays, with their categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from registry.serving.trees import Integers, Tree, TreeModel

_BITS = 32


def histogram_trees(boosting: Any, codes: int) -> TreeModel:
    """The model of a fitted histogram boosting.

    Its own preprocessor moves categorical columns to the front and numbers the categories that training saw; here the
    trees split on the columns and the codes as they are. A code that training never saw goes where a gap goes.

    Args:
        boosting: fitted.
        codes: every code of a category is smaller.
    """
    width = boosting.n_features_in_
    columns, known = np.arange(width), dict[int, Integers]()
    if boosting._preprocessor is not None:
        is_category = np.asarray(boosting.is_categorical_, dtype=bool)
        columns = np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])
        seen = boosting._preprocessor.named_transformers_["encoder"].categories_
        known = {place: each[~np.isnan(each)].astype(np.int64) for place, each in enumerate(seen)}
    stages = boosting._predictors
    trees = [_tree(predictor, columns, known, codes) for stage in stages for predictor in stage]
    outputs = list(range(boosting.n_trees_per_iteration_)) * len(stages)
    return TreeModel(trees, outputs, width, np.ravel(boosting._baseline_prediction).astype(np.float64))


def _tree(predictor: Any, columns: Integers, known: dict[int, Integers], codes: int) -> Tree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    gaps_left = nodes["missing_go_to_left"].astype(bool)
    categories = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf).tolist():
        seen = known[int(nodes["feature_idx"][node])]
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        goes_left = _goes_left(bits, len(seen))
        unseen = np.setdiff1d(np.arange(codes), seen)
        right = [seen[~goes_left], *([] if gaps_left[node] else [unseen])]
        categories[node] = np.sort(np.concatenate(right)).astype(np.int64)
    return Tree(
        np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        np.where(is_leaf, 0, columns[np.where(is_leaf, 0, nodes["feature_idx"])]),
        nodes["num_threshold"].astype(np.float64),
        gaps_left,
        nodes["count"].astype(np.float64),
        nodes["value"].reshape(-1, 1).astype(np.float64),
        categories,
        is_wide=True,
    )


def _goes_left(bits: Sequence[Any], count: int) -> Any:
    numbers = np.arange(count)
    return (np.asarray(bits)[numbers // _BITS] >> (numbers % _BITS).astype(np.uint32) & 1).astype(bool)
