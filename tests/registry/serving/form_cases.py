"""Small fitted pipelines of every type that compiles, and rows for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, linear_model, tree
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PowerTransformer, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from registry.steps.boosting import BoostedClassifier, BoostedRegressor
from registry.steps.derive import Derive
from registry.steps.keep_by_shap import KeepByShap
from registry.steps.kriging import Kriging
from registry.steps.rounding import Float32Rounder
from registry.steps.sharpening import SharpenedClassifier
from schemas.rows import Matrix

NUMBERS, CODES, UNSEEN = 5, 7, 6
CLASSES = ("high", "low", "middle")
Steps = list[tuple[str, Any]]


def rows_of(count: int, seed: int, *, gaps: float = 0.0) -> Matrix:
    """Rows with ties, skewed and large numbers, and a category of which training never sees the last code."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [
            rng.normal(size=count),
            rng.integers(1, 9, count),
            rng.lognormal(0, 2, count),
            rng.normal(3e5, 40, count),
            rng.choice([0.1, 0.2, 0.3, 1e-3], count),
            rng.integers(0, UNSEEN, count),
        ]
    )
    rows[rng.random(rows.shape) < gaps] = np.nan
    return rows.astype(np.float32).astype(np.float64)


def target_of(rows: Matrix) -> NDArray[np.float64]:
    """Positive numbers."""
    filled = np.nan_to_num(rows)
    return (
        np.exp(filled[:, 0] / 2) * 20 + filled[:, 1] ** 2 + 9 * np.isin(filled[:, 5], [1, 4]) + np.log1p(filled[:, 2])
    )


def classes_of(rows: Matrix, count: int) -> NDArray[Any]:
    ranks = np.argsort(np.argsort(target_of(rows)))
    return np.array(CLASSES[:count])[ranks * count // len(rows)]


def encode() -> ColumnTransformer:
    codes = OrdinalEncoder(categories=[[*np.arange(CODES, dtype=float), np.nan]], encoded_missing_value=np.nan)
    return ColumnTransformer([("numbers", Float32Rounder(), list(range(NUMBERS))), ("codes", codes, [NUMBERS])])


def fill() -> Steps:
    middle, most = SimpleImputer(strategy="median"), SimpleImputer(strategy="most_frequent", keep_empty_features=True)
    mean = SimpleImputer(strategy="mean")
    parts = [("mean", mean, [0, 1, 2]), ("median", middle, [3, 4]), ("most", most, [5])]
    return [("fill", ColumnTransformer(parts))]


def derive() -> Steps:
    return [("derive", Derive([{0: 2.0, 3: 1.0}, {2: 1.0, 1: -2.0}]))]


def scale(scaler: Any, columns: int = NUMBERS) -> Steps:
    numbers = [*range(NUMBERS), *range(NUMBERS + 1, columns + 1)]
    one_hot = OneHotEncoder(categories=[np.arange(CODES, dtype=float)], sparse_output=False)
    return [("scale", ColumnTransformer([("numbers", scaler, numbers), ("codes", one_hot, [NUMBERS])]))]


def on_log(estimator: Any, scale: str = "arcsinh") -> TransformedTargetRegressor:
    pairs: dict[str, Any] = {
        "arcsinh": (np.arcsinh, np.sinh),
        "log1p": (np.log1p, np.expm1),
        "log": (np.log, np.exp),
        "own": (np.sqrt, np.square),
    }
    func, inverse = pairs[scale]
    return TransformedTargetRegressor(estimator, func=func, inverse_func=inverse)


def soft(**members: Any) -> ensemble.VotingClassifier:
    return ensemble.VotingClassifier(list(members.items()), voting="soft", weights=[2.0, 1.0, 0.5][: len(members)])


def member(*steps: Steps | Any) -> Pipeline:
    *first, last = steps
    return Pipeline([*(step for part in first for step in part), ("last", last)])


FEW: dict[str, Any] = {"n_estimators": 12, "random_state": 1}
VECTORS: dict[str, Any] = {"trees": 15, "params": {"max_depth": 4, "eta": 0.2, "multi_strategy": "multi_output_tree"}}
NATIVE: dict[str, Any] = {"trees": 15, "params": {"max_depth": 4, "eta": 0.2}, "categories": (NUMBERS,)}
HISTOGRAM: dict[str, Any] = {"max_iter": 12, "min_samples_leaf": 4, "random_state": 1}

REGRESSIONS: dict[str, Callable[[], Any]] = {
    "linear": lambda: member(fill(), scale(StandardScaler()), linear_model.LinearRegression()),
    "ridge": lambda: member(fill(), derive(), scale(StandardScaler(), NUMBERS + 2), linear_model.Ridge()),
    "ridge-cv": lambda: member(fill(), scale(PowerTransformer()), linear_model.RidgeCV()),
    "ridge-on-log": lambda: member(fill(), scale(StandardScaler(with_mean=False)), on_log(linear_model.Ridge(), "log")),
    "kriging": lambda: member(fill(), scale(PowerTransformer()), on_log(Kriging(max_steps=4))),
    "random-forest": lambda: member(fill(), ensemble.RandomForestRegressor(**FEW)),
    "random-forest-of-gaps": lambda: ensemble.RandomForestRegressor(**FEW),
    "extra-trees-derived": lambda: member(fill(), derive(), ensemble.ExtraTreesRegressor(**FEW)),
    "decision-tree": lambda: member(fill(), tree.DecisionTreeRegressor(random_state=1)),
    "gradient-boosting": lambda: member(fill(), ensemble.GradientBoostingRegressor(**FEW)),
    "gradient-boosting-huber": lambda: member(fill(), ensemble.GradientBoostingRegressor(**FEW, loss="huber")),
    "gradient-boosting-from-zero": lambda: member(fill(), ensemble.GradientBoostingRegressor(**FEW, init="zero")),
    "gradient-boosting-on-log": lambda: member(fill(), on_log(ensemble.GradientBoostingRegressor(**FEW), "log1p")),
    "histogram-boosting": lambda: member(fill(), ensemble.HistGradientBoostingRegressor(**HISTOGRAM)),
    "histogram-boosting-derived": lambda: member(fill(), derive(), ensemble.HistGradientBoostingRegressor(**HISTOGRAM)),
    "histogram-boosting-of-gaps": lambda: ensemble.HistGradientBoostingRegressor(**HISTOGRAM),
    "histogram-boosting-gamma": lambda: ensemble.HistGradientBoostingRegressor(**HISTOGRAM, loss="gamma"),
    "histogram-boosting-of-categories": lambda: ensemble.HistGradientBoostingRegressor(
        **HISTOGRAM, categorical_features=[NUMBERS]
    ),
    "xgboost": lambda: member(fill(), XGBRegressor(**FEW, n_jobs=1)),
    "xgboost-of-gaps": lambda: XGBRegressor(**FEW, n_jobs=1),
    "xgboost-gamma": lambda: member(fill(), XGBRegressor(**FEW, n_jobs=1, objective="reg:gamma")),
    "xgboost-pruned": lambda: XGBRegressor(**FEW, n_jobs=1, gamma=30.0, max_depth=9),
    "xgboost-kept": lambda: member(fill(), [("keep", KeepByShap(3))], XGBRegressor(**FEW, n_jobs=1)),
    "boosted": lambda: BoostedRegressor(**NATIVE),
    "boosted-on-log": lambda: member(derive(), BoostedRegressor(**NATIVE, seeds=2, log=True)),
    "boosted-of-errors": lambda: BoostedRegressor(**NATIVE, objective="reg:absoluteerror"),
    "blend": lambda: ensemble.VotingRegressor(
        [
            ("linear", member(fill(), scale(StandardScaler()), linear_model.Ridge())),
            ("kriging", member(fill(), scale(StandardScaler()), on_log(Kriging(max_steps=2)))),
            ("forest", member(fill(), derive(), ensemble.RandomForestRegressor(**FEW))),
            ("boosted", BoostedRegressor(**NATIVE, log=True)),
        ],
        weights=[1.0, 2.0, 3.0, 0.7],
    ),
    "blend-of-sums": lambda: ensemble.VotingRegressor(
        [
            ("forest", member(fill(), ensemble.RandomForestRegressor(**FEW))),
            (
                "inner",
                ensemble.VotingRegressor([("boosted", BoostedRegressor(**NATIVE)), ("xgboost", XGBRegressor(**FEW))]),
            ),
            ("histogram", ensemble.HistGradientBoostingRegressor(**HISTOGRAM, categorical_features=[NUMBERS])),
        ]
    ),
    "filled-blend": lambda: member(
        fill(),
        derive(),
        ensemble.VotingRegressor(
            [
                ("forest", ensemble.ExtraTreesRegressor(**FEW)),
                ("xgboost", XGBRegressor(**FEW)),
                ("histogram", ensemble.HistGradientBoostingRegressor(**HISTOGRAM)),
            ]
        ),
    ),
}

CLASSIFICATIONS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: member(fill(), scale(StandardScaler()), linear_model.LogisticRegression(max_iter=500)),
    "random-forest": lambda: member(fill(), derive(), ensemble.RandomForestClassifier(**FEW)),
    "extra-trees": lambda: member(fill(), ensemble.ExtraTreesClassifier(**FEW)),
    "decision-tree": lambda: member(fill(), tree.DecisionTreeClassifier(random_state=1, max_depth=4)),
    "gradient-boosting": lambda: member(fill(), ensemble.GradientBoostingClassifier(**FEW)),
    "histogram-boosting": lambda: ensemble.HistGradientBoostingClassifier(**HISTOGRAM, categorical_features=[NUMBERS]),
    "xgboost": lambda: member(fill(), soft(only=XGBClassifier(**FEW, n_jobs=1))),
    "boosted": lambda: BoostedClassifier(**NATIVE, seeds=2),
    "vector-leaves": lambda: BoostedClassifier(**VECTORS),
    "vector-leaves-of-seeds": lambda: BoostedClassifier(**VECTORS, seeds=2),
    "sharpened-forest": lambda: SharpenedClassifier(member(fill(), ensemble.RandomForestClassifier(**FEW)), power=2.5),
    "sharpened-boosting": lambda: SharpenedClassifier(BoostedClassifier(**NATIVE), power=0.4),
    "blend": lambda: soft(
        forest=member(fill(), ensemble.RandomForestClassifier(**FEW)),
        boosted=SharpenedClassifier(BoostedClassifier(**NATIVE), power=1.3),
        inner=soft(
            logistic=member(fill(), scale(StandardScaler()), linear_model.LogisticRegression(max_iter=500)),
            extra=member(fill(), ensemble.ExtraTreesClassifier(**FEW)),
        ),
    ),
}


@cache
def fitted(name: str, classes: int) -> Pipeline:
    rows = rows_of(160, seed=1, gaps=0.08)
    target = classes_of(rows, classes) if classes else target_of(rows)
    build = (CLASSIFICATIONS if classes else REGRESSIONS)[name]
    return Pipeline([("encode", encode()), ("estimate", build())]).fit(rows, target)
