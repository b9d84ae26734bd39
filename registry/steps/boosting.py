"""Gradient boosting by XGBoost on coded columns: gaps and categories stay as they are, and seeds are averaged.

An estimator holds one native booster. XGBoost's own scikit-learn classes could hold it as well, but they take neither a
target on another scale nor the average of several seeds, and their parameters name a form of early stopping that would
need rows of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix

ONE_HOT_CATEGORIES = 5
"""Number of categories up to which a split separates one of them from the others."""
MAX_BIN = 256
"""Most bins of a column unless the parameters say otherwise."""


class _Boosted(BaseEstimator):  # type: ignore[misc]
    """What regression and classification share.

    Args:
        trees: rounds of boosting for each seed; each round adds a tree, or one for each of three or more classes.
        params: XGBoost's parameters of a tree and of the learning rate, by XGBoost's names.
        categories: positions of the columns that hold codes of categories.
        seeds: number of boosters that are averaged, each with its own seed.
        random_state: the first seed.
    """

    def __init__(
        self,
        trees: int = 300,
        params: Mapping[str, Any] | None = None,
        categories: Sequence[int] = (),
        seeds: int = 1,
        random_state: int = 0,
    ) -> None:
        self.trees = trees
        self.params = params
        self.categories = categories
        self.seeds = seeds
        self.random_state = random_state

    def booster_params(self, number: int = 0) -> dict[str, Any]:
        """XGBoost's parameters of the booster with this number, counted from 0."""
        return dict(self.params or {}) | {
            "max_cat_to_onehot": ONE_HOT_CATEGORIES,
            "tree_method": "hist",
            "nthread": 1,
            "seed": self.random_state + number,
        }

    def binned(
        self, X: NDArray[np.float64], target: NDArray[np.float64] | None = None, ref: DMatrix | None = None
    ) -> DMatrix:
        """Rows (n, columns) as XGBoost's binned matrix; `ref` is the matrix of the training rows."""
        from xgboost import QuantileDMatrix

        return QuantileDMatrix(
            X,
            target,
            feature_types=feature_types(X.shape[1], self.categories),
            enable_categorical=True,
            max_bin=(self.params or {}).get("max_bin", MAX_BIN),
            nthread=1,
            ref=ref,
        )

    def _train(self, X: NDArray[np.float64], target: NDArray[np.float64], objective: dict[str, Any]) -> Booster:
        """Train a booster for each seed, and average them."""
        import xgboost

        rows = self.binned(X, target)
        boosters = [
            xgboost.train(self.booster_params(number) | objective, rows, self.trees) for number in range(self.seeds)
        ]
        return mean_of(boosters)

    def _margins(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """The booster's sums, (n,) or (n, classes)."""
        from xgboost import DMatrix

        check_is_fitted(self, "booster_")
        X = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        types = feature_types(X.shape[1], self.categories)
        rows = DMatrix(X, feature_types=types, enable_categorical=True, nthread=1)
        return np.asarray(self.booster_.predict(rows, output_margin=True), dtype=np.float64)


class BoostedRegressor(RegressorMixin, _Boosted):  # type: ignore[misc]
    """Boosted trees for numbers.

    Args:
        objective: XGBoost's name of the loss.
        log: whether the trees learn the target's inverse hyperbolic sine, a logarithm that is defined everywhere.
        trees: as the other parameters, documented in `_Boosted`.
    """

    def __init__(
        self,
        trees: int = 300,
        params: Mapping[str, Any] | None = None,
        categories: Sequence[int] = (),
        seeds: int = 1,
        random_state: int = 0,
        *,
        objective: str = "reg:squarederror",
        log: bool = False,
    ) -> None:
        super().__init__(trees, params, categories, seeds, random_state)
        self.objective = objective
        self.log = log

    def fit(self, X: NDArray[np.float64], y: NDArray[np.float64]) -> Self:
        """Fit rows (n, columns) with NaN for gaps, and their targets (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_all_finite="allow-nan")
        self.booster_ = self._train(X, np.arcsinh(y) if self.log else y, self.goal())
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions (n,) in the target's unit, of rows (n, columns) with NaN for gaps."""
        return self.from_margins(self._margins(X))

    def goal(self) -> dict[str, Any]:
        """XGBoost's parameters of the loss."""
        return {"objective": self.objective}

    def from_margins(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """The booster's sums in the target's unit."""
        return np.sinh(margins) if self.log else margins


class BoostedClassifier(ClassifierMixin, _Boosted):  # type: ignore[misc]
    """Boosted trees for classes; its parameters are those of `_Boosted`."""

    def fit(self, X: NDArray[np.float64], y: NDArray[Any]) -> Self:
        """Fit rows (n, columns) with NaN for gaps, and their classes (n,).

        Raises:
            ValueError: the rows are of a single class.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:  # noqa: PLR2004 - one class leaves nothing to learn
            raise ValueError(f"all rows are of the class {self.classes_[0]}")
        self.booster_ = self._train(X, codes.astype(np.float64), self.goal(len(self.classes_)))
        return self

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, classes) in the order of `classes_`, of rows (n, columns) with NaN for gaps."""
        return self.from_margins(self._margins(X))

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        """The most probable class of each row, shape (n,)."""
        winners: NDArray[Any] = self.classes_[np.argmax(self.predict_proba(X), axis=1)]
        return winners

    def goal(self, classes: int) -> dict[str, Any]:
        """XGBoost's parameters of the loss for this number of classes."""
        if classes == 2:  # noqa: PLR2004 - one sum for two classes
            return {"objective": "binary:logistic"}
        return {"objective": "multi:softprob", "num_class": classes}

    def from_margins(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """The booster's sums, (n,) or (n, classes), as probabilities (n, classes)."""
        if margins.ndim == 1:
            second = 1 / (1 + np.exp(-margins))
            return np.column_stack([1 - second, second])
        raised: NDArray[np.float64] = np.exp(margins - margins.max(axis=1, keepdims=True))
        raised /= raised.sum(axis=1, keepdims=True)
        return raised


def feature_types(columns: int, categories: Sequence[int]) -> list[str]:
    """XGBoost's types of the columns: `c` for categories and `q` for numbers."""
    return ["c" if position in categories else "q" for position in range(columns)]


def mean_of(boosters: Sequence[Booster]) -> Booster:
    """One booster whose sums are the means of several, which were trained on the same targets.

    Their trees stand one after another, with leaf values divided by the number of boosters.
    """
    from xgboost import Booster

    if len(boosters) == 1:
        return boosters[0]
    documents = [json.loads(bytes(booster.save_raw("json"))) for booster in boosters]
    whole = documents[0]
    model = whole["learner"]["gradient_booster"]["model"]
    trees, groups, starts = [], [], [0]
    for document in documents:
        own = document["learner"]["gradient_booster"]["model"]
        trees += [_scaled(tree, 1 / len(boosters)) for tree in own["trees"]]
        groups += own["tree_info"]
        starts += [starts[-1] + start for start in own["iteration_indptr"][1:]]
    for number, tree in enumerate(trees):
        tree["id"] = number
    model |= {"trees": trees, "tree_info": groups, "iteration_indptr": starts}
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    mean = Booster({"nthread": 1})
    mean.load_model(bytearray(json.dumps(whole).encode()))
    return mean


def _scaled(tree: dict[str, Any], factor: float) -> dict[str, Any]:
    is_leaf = [child == -1 for child in tree["left_children"]]
    tree["split_conditions"] = [
        value * factor if leaf else value for value, leaf in zip(tree["split_conditions"], is_leaf, strict=True)
    ]
    for field in ("base_weights", "leaf_weights"):  # trees with a value in a leaf have no weights of leaves
        if field in tree:
            tree[field] = [value * factor for value in tree[field]]
    return tree
