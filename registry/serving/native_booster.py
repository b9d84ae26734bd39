"""XGBoost's own boosters as a part of a formula: stored as they are, or taken apart so that trees can be changed."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.serving.trees import Tree, TreeModel

if TYPE_CHECKING:
    from xgboost import Booster as TrainedBooster

_SUMS = frozenset({"reg:squarederror", "reg:absoluteerror", "reg:quantileerror", "reg:pseudohubererror"})
"""Objectives whose prediction is the sum of the trees."""


class NativeBooster:
    """A booster that XGBoost trained.

    Args:
        booster: of XGBoost's Python package.
    """

    def __init__(self, booster: TrainedBooster) -> None:
        self._booster = booster

    def stored(self) -> bytes:
        """The booster in XGBoost's own format."""
        return bytes(self._booster.save_raw("ubj"))

    @property
    def objective(self) -> str:
        """The name of its loss."""
        return str(self._learner["objective"]["name"])

    @property
    def is_sum(self) -> bool:
        """Whether its prediction is the sum of its trees."""
        return self.objective in _SUMS

    def tree_model(self) -> TreeModel | None:
        """The trees of its margins as arrays; None of a booster with several values in a leaf, or of another kind."""
        learner, boosting = self._learner, self._learner["gradient_booster"]
        if boosting["name"] != "gbtree" or learner["learner_model_param"]["num_target"] != "1":
            return None
        model = boosting["model"]
        offset = np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float64)
        if self.objective == "binary:logistic":
            offset = np.log(offset / (1 - offset))  # stored as a probability
        elif not self.is_sum and self.objective != "multi:softprob":
            return None
        if model["gbtree_model_param"]["num_parallel_tree"] != "1" or not model["trees"]:
            return None
        columns = int(learner["learner_model_param"]["num_feature"])
        trees = [_tree(each) for each in model["trees"]]
        return TreeModel(trees, model["tree_info"], columns, offset, is_begun=not self.is_sum)

    @cached_property
    def _learner(self) -> dict[str, Any]:
        learner: dict[str, Any] = json.loads(bytes(self._booster.save_raw("json")))["learner"]
        return learner


def _tree(stored: dict[str, Any]) -> Tree:
    left = np.array(stored["left_children"], dtype=np.int64)
    conditions = np.array(stored["split_conditions"], dtype=np.float32)
    # as `<=`: the largest number of 32 bits below the condition
    thresholds = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    codes = np.array(stored["categories"], dtype=np.int64)
    segments = zip(stored["categories_nodes"], stored["categories_segments"], stored["categories_sizes"], strict=True)
    return Tree(
        left,
        np.array(stored["right_children"], dtype=np.int64),
        np.array(stored["split_indices"], dtype=np.int64),
        thresholds,
        np.array(stored["default_left"], dtype=bool),
        np.array(stored["sum_hessian"], dtype=np.float64),
        conditions.astype(np.float64).reshape(-1, 1),
        {node: codes[start : start + size] for node, start, size in segments},
    )
