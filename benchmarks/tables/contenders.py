"""Contenders that run in this process: our training, and two libraries with their defaults."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.folds import SEED, OuterFold
from benchmarks.tables.scores import class_codes
from schemas.settings import Settings
from training.data.tables import Table
from training.learning.selection import select
from training.progress import Progress
from training.quick import quick_settings

if TYPE_CHECKING:
    import pandas as pd

OURS, XGBOOST, HISTOGRAM, FLAML = "tasador", "XGBoost", "HistGradientBoosting", "FLAML"
LIBRARIES = (XGBOOST, HISTOGRAM)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a contender made of a fold.

    Attributes:
        predicted: for the test rows: numbers, or probabilities in the order of the domain's classes.
        core_s: processor time of fitting, of all threads and child processes.
        wall_s: time of fitting.
        model: what it chose, in its own words.
    """

    predicted: NDArray[np.float64]
    core_s: float
    wall_s: float
    model: str


def try_ours(fold: OuterFold, settings: Settings, seconds: float, progress: Progress) -> Attempt:
    """Select and fit as `tasador train` does, on the outer training rows, and predict the test rows."""
    budgeted = with_budget(settings, seconds)
    selection, core_s, wall_s = _timed(lambda: select(fold.train, budgeted, progress))
    return Attempt(predict(selection.pipeline, fold.test), core_s, wall_s, selection.winner.name)


def with_budget(settings: Settings, seconds: float) -> Settings:
    """The settings of a quick training with a budget of so many seconds."""
    quick = quick_settings(settings)
    return quick.model_copy(update={"training": quick.training.model_copy(update={"seconds": seconds})})


def try_library(name: str, fold: OuterFold) -> Attempt:
    """Fit a library's model with its defaults; gaps and categories are given as the library wants them."""
    model = _models(fold.train)[name]()
    rows = library_frame(fold.train)
    target = class_codes(fold.train) if fold.train.domain.target.classes else fold.train.target
    fitted, core_s, wall_s = _timed(lambda: model.fit(rows, target))
    others = library_frame(fold.test)
    predicted = fitted.predict_proba(others) if fold.train.domain.target.classes else fitted.predict(others)
    return Attempt(np.asarray(predicted, dtype=np.float64), core_s, wall_s, "defaults")


def library_frame(table: Table) -> pd.DataFrame:
    """The columns with NaN for gaps, and pandas's categories, which all libraries understand."""
    import pandas as pd

    frame = table.frame.copy()
    for feature in table.domain.features:
        if feature.categories:
            frame[feature.column] = pd.Categorical(frame[feature.column], categories=list(feature.categories))
    # XGBoost refuses brackets and < in names
    return frame.set_axis([f"x{number}" for number in range(len(frame.columns))], axis=1)


def _models(train: Table) -> dict[str, Callable[[], Any]]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from xgboost import XGBClassifier, XGBRegressor

    has_classes = bool(train.domain.target.classes)
    return {
        XGBOOST: lambda: (XGBClassifier if has_classes else XGBRegressor)(enable_categorical=True, random_state=SEED),
        HISTOGRAM: lambda: (HistGradientBoostingClassifier if has_classes else HistGradientBoostingRegressor)(
            random_state=SEED
        ),
    }


def predict(pipeline: Any, test: Table) -> NDArray[np.float64]:
    """Predictions for test rows: numbers, or probabilities in the order of the domain's classes."""
    classes = list(test.domain.target.classes)
    if not classes:
        return np.asarray(pipeline.predict(test.frame), dtype=np.float64)
    predicted = np.zeros((len(test), len(classes)))
    predicted[:, [classes.index(name) for name in pipeline.classes_]] = pipeline.predict_proba(test.frame)
    return predicted


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of work, with its processor time and its time in seconds."""
    before, start = os.times(), time.perf_counter()
    result = work()
    wall_s, after = time.perf_counter() - start, os.times()
    # user, system, and both of the children that ended
    return result, sum(after[:4]) - sum(before[:4]), wall_s
