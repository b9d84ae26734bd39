"""Which rows teach, which rows judge: the test rows put aside once, and the folds among the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline

from schemas.errors import DataError
from schemas.sections import TrainingSettings
from training.data.tables import Table
from training.learning.metrics import deciding_metric, metrics_of


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What cross-validation gave.

    Attributes:
        scores: the deciding metric of each fold, shape (folds * repeats,).
        out_of_fold: for each row what a model predicted that had not seen it, from the first repetition.
    """

    scores: NDArray[np.float64]
    out_of_fold: NDArray[np.float64] | NDArray[np.str_]


def split(table: Table, settings: TrainingSettings) -> tuple[Table, Table]:
    """Training rows and test rows, the same for the same seed; classes keep their shares.

    Raises:
        DataError: there are too few rows, or too few of a class, to fold.
    """
    _check_enough(table, settings)
    train, test = train_test_split(
        np.arange(len(table)),
        test_size=settings.test_share,
        random_state=settings.seed,
        stratify=table.target if table.domain.target.classes else None,
    )
    return table.take(np.sort(train)), table.take(np.sort(test))


def cross_validate(pipeline: Pipeline, table: Table, settings: TrainingSettings) -> FoldResult:
    """Fit and judge a pipeline on every fold; everything that learns is fitted inside the fold."""
    kind = RepeatedStratifiedKFold if table.domain.target.classes else RepeatedKFold
    folds = kind(n_splits=settings.folds, n_repeats=settings.repeats, random_state=settings.seed)
    pairs = list(folds.split(table.frame, table.target))
    # threads: fitting trees lets go of the interpreter, and starting processes takes longer than these tables
    predictions = Parallel(n_jobs=min(cpu_count(), settings.folds), prefer="threads")(
        delayed(_predict_fold)(pipeline, table, learn, judge) for learn, judge in pairs
    )
    metric = deciding_metric(table.domain)
    scores = [
        metrics_of(table.domain, table.target[judge], predicted)[metric]
        for (_, judge), predicted in zip(pairs, predictions, strict=True)
    ]
    out_of_fold = np.empty_like(table.target)
    for (_, judge), predicted in list(zip(pairs, predictions, strict=True))[: settings.folds]:
        out_of_fold[judge] = predicted
    return FoldResult(np.array(scores), out_of_fold)


def _predict_fold(
    pipeline: Pipeline, table: Table, learn: NDArray[np.int64], judge: NDArray[np.int64]
) -> NDArray[np.float64] | NDArray[np.str_]:
    fitted = clone(pipeline).fit(table.frame.iloc[learn], table.target[learn])
    predicted: NDArray[np.float64] | NDArray[np.str_] = fitted.predict(table.frame.iloc[judge])
    return predicted


def _check_enough(table: Table, settings: TrainingSettings) -> None:
    # each fold judges two rows at least, or r2 and a standard deviation mean nothing
    needed = 2 * settings.folds
    if len(table) * (1 - settings.test_share) < needed or len(table) * settings.test_share < 1:
        raise DataError(f"{table.source}: {len(table)} rows are too few for {settings.folds} folds and test rows")
    for name, count in Counter(table.target.tolist()).items() if table.domain.target.classes else ():
        if count * (1 - settings.test_share) < settings.folds:
            raise DataError(f"{table.source}: {count} rows of class {name} are too few for {settings.folds} folds")
