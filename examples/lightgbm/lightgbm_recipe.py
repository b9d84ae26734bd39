"""LightGBM as a recipe of one's own: tried beside the product's, on the same folds, and judged by the same gate."""

from __future__ import annotations

from functools import partial
from typing import Any

from lightgbm import LGBMClassifier, LGBMRegressor

from training import Recipe

_OWN: dict[str, Any] = {
    "n_estimators": 80,
    "num_leaves": 15,
    "n_jobs": 1,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}


def _build(kind: type[Any], seed: int) -> Any:
    return kind(**_OWN, random_state=seed)


RECIPE = Recipe(
    "lightgbm",
    regression=partial(_build, LGBMRegressor),
    classification=partial(_build, LGBMClassifier),
    # what a stored model holds of this package; allowed_types in params.yaml admits it
    types=(
        "collections.OrderedDict",
        "collections.defaultdict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
    ),
)
