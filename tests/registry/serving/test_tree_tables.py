"""Sums of shallow trees by tables have the same bits as those of XGBoost's library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost

from registry.booster import Booster
from registry.serving.cut_trees import cut_trees
from registry.serving.tree_tables import FEWEST_ROWS, MOST_ROWS, margins_of
from registry.serving.trees import Tree, TreeModel
from schemas.rows import Matrix

COLUMNS = 5
COUNTS = (1, FEWEST_ROWS, 701, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS + FEWEST_ROWS)


def _rows(count: int, seed: int = 0) -> Matrix:
    """Rows with gaps, of which every second number is met by a split."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, COLUMNS)).astype(np.float32)
    rows[::2] = np.round(rows[::2], 1)
    rows[random.random(rows.shape) < 0.2] = np.nan
    return rows.astype(np.float64)


def _trained(classes: int = 0, **parameters: Any) -> Booster:
    rows = _rows(600, seed=1)
    filled = np.nan_to_num(rows)
    target: Any = filled[:, 0] * filled[:, 1] + np.sin(3 * filled[:, 2]) + (filled[:, 3] > 0.5)
    objective: dict[str, Any] = {"objective": "reg:squarederror"}
    if classes:
        target = np.digitize(target, np.quantile(target, np.linspace(0, 1, classes + 1)[1:-1]))
        objective = {"objective": "multi:softprob", "num_class": classes}
    booster = xgboost.train({**objective, "nthread": 1, **parameters}, xgboost.DMatrix(rows, target), 40)
    return Booster(bytes(booster.save_raw("ubj")))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_sums_have_the_bits_of_the_library(depth: int) -> None:
    booster = _trained(max_depth=depth)
    margins = margins_of(booster)
    for count in COUNTS:
        rows = _rows(count)
        np.testing.assert_array_equal(margins(rows), booster.margins(rows))
        whole = np.nan_to_num(rows)
        np.testing.assert_array_equal(margins(whole), booster.margins(whole))


def test_sums_of_classes_have_the_bits_of_the_library() -> None:
    booster = _trained(classes=3, max_depth=3, subsample=0.5)
    assert cut_trees(booster.document()) is not None
    for count in COUNTS:
        rows = _rows(count)
        np.testing.assert_array_equal(margins_of(booster)(rows), booster.margins(rows))


def test_shallow_trees_are_cut_and_deep_ones_are_not() -> None:
    assert cut_trees(_trained(max_depth=3).document()) is not None
    assert cut_trees(_trained(max_depth=4).document()) is not None
    deep = _trained(max_depth=12, min_child_weight=0, reg_lambda=0)
    assert cut_trees(deep.document()) is None
    assert margins_of(deep) == deep.margins


def test_lopsided_trees_and_single_leaves_have_the_bits_of_the_library() -> None:
    """A chain of eight splits fits a byte, and a longer one does not."""
    models = {levels: TreeModel([_chain(levels), _chain(0)] * 5, [0] * 10, COLUMNS, np.zeros(1)) for levels in (8, 9)}
    for levels, model in models.items():
        booster, rows = Booster(model.stored()), _rows(500)
        assert (cut_trees(booster.document()) is not None) == (levels <= 8)
        np.testing.assert_array_equal(margins_of(booster)(rows), booster.margins(rows))


def _chain(levels: int) -> Tree:
    """A tree whose right children are leaves; gaps go left and right in turn."""
    nodes = 2 * levels + 1
    inner = np.arange(nodes) % 2 == 0
    inner[-1] = False
    left, right = np.full(nodes, -1), np.full(nodes, -1)
    left[inner], right[inner] = np.flatnonzero(inner) + 2, np.flatnonzero(inner) + 1
    numbers = np.arange(nodes, dtype=np.float64)
    return Tree(
        left=left,
        right=right,
        column=np.arange(nodes) % COLUMNS,
        threshold=1 - numbers / 10,
        gaps_left=numbers % 4 == 0,
        cover=np.ones(nodes),
        values=(numbers / 7 + 0.1).reshape(-1, 1),
    )
