"""Growing on folds: the number of trees of a fold comes from the others."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.learning.made_up_tables import Rents, made_up_table
from training.learning.encoded_table import encode_table
from training.learning.growth import FoldGrowth, GrowthUnit, chunk_of, join_folds
from training.learning.portfolio import TreeShape


def fold(*curve: float) -> FoldGrowth:
    """A fold with this curve, whose predictions after each chunk are its number."""
    return FoldGrowth(curve, tuple(np.full(2, number, dtype=np.float32) for number in range(len(curve))), 20)


def test_each_folds_number_of_trees_comes_from_the_other_folds() -> None:
    growth = join_folds([fold(3, 1, 2, 2), fold(3, 2, 1, 2), fold(3, 2, 1, 2)])
    assert growth.trees == 60
    assert growth.loss == pytest.approx(4 / 3)
    assert growth.losses == (2, 2, 2), "no fold has the number that is best for itself"
    assert [margins[0] for margins in growth.margins] == [2, 1, 1]
    other = join_folds([fold(3, 9, 2, 0), fold(3, 2, 1, 2), fold(3, 2, 1, 2)])
    assert other.margins[0][0] == growth.margins[0][0], "its own curve does not decide"


def test_folds_are_compared_up_to_the_first_that_stopped() -> None:
    growth = join_folds([fold(3, 2, 2.5), fold(3, 2, 2.4, 0.1)])
    assert (growth.trees, len(growth.margins)) == (40, 2)


def test_one_fold_chooses_for_itself() -> None:
    growth = join_folds([fold(3, 1, 2)])
    assert (growth.trees, growth.losses) == (40, (1,))


def test_a_fold_grows_in_chunks_to_its_last_tree_on_a_small_table() -> None:
    table = encode_table(made_up_table(Rents, 90))
    train, validation = np.arange(60), np.arange(60, 90)
    unit = GrowthUnit(TreeShape("boosting-test", 3), 0.3, 200, train, validation, 1, "mae")
    grown = unit.run(table)
    assert (grown.trees, grown.chunk, len(grown.curve)) == (200, 20, 10), "no fold stops early and cuts off others"
    error = np.mean(np.abs(table.target[validation] - grown.margins[3]))
    assert grown.curve[3] == pytest.approx(error, rel=1e-5)
    assert [chunk_of(trees) for trees in (200, 50, 3)] == [20, 10, 1]
