"""Which rows teach, which rows judge: the test rows put aside once, and the folds among the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline

from schemas.classes import winners_of
from schemas.errors import DataError
from schemas.sections import TrainingSettings
from training.data.tables import Table
from training.learning.metrics import deciding_metric, metrics_of

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the rows that teach, and of those that judge."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What cross-validation gave.

    Attributes:
        scores: the deciding metric of each fold, shape (folds * repeats,).
        out_of_fold: for each row what a model predicted that had not seen it, from the first repetition.
        probabilities: the same as probabilities (n, classes) in the order of the domain's classes; None for a
            regression.
    """

    scores: NDArray[np.float64]
    out_of_fold: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None


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


def splits_of(table: Table, settings: TrainingSettings) -> tuple[Split, ...]:
    """The folds among the training rows, repetition by repetition, the same for the same seed."""
    kind = RepeatedStratifiedKFold if table.domain.target.classes else RepeatedKFold
    folds = kind(n_splits=settings.folds, n_repeats=settings.repeats, random_state=settings.seed)
    return tuple(folds.split(table.frame, table.target))


def cross_validate(pipeline: Pipeline, table: Table, splits: Sequence[Split]) -> FoldResult:
    """Fit and judge a pipeline on every fold; everything that learns is fitted inside the fold."""
    # threads: fitting trees lets go of the interpreter, and starting processes takes longer than these tables
    answers = Parallel(n_jobs=min(cpu_count(), len(splits)), prefer="threads")(
        delayed(_answer_fold)(pipeline, table, learn, judge) for learn, judge in splits
    )
    metric = deciding_metric(table.domain)
    scores = [
        metrics_of(table.domain, table.target[judge], _named(table, answer))[metric]
        for (_, judge), answer in zip(splits, answers, strict=True)
    ]
    whole = np.full((len(table), *answers[0].shape[1:]), np.nan)
    for (_, judge), answer in reversed(list(zip(splits, answers, strict=True))):
        whole[judge] = answer
    return FoldResult(np.array(scores), _named(table, whole), whole if table.domain.target.classes else None)


def _answer_fold(
    pipeline: Pipeline, table: Table, learn: NDArray[np.int64], judge: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predictions (n,), or probabilities (n, classes) in the order of the domain's classes."""
    fitted = clone(pipeline).fit(table.frame.iloc[learn], table.target[learn])
    rows, classes = table.frame.iloc[judge], list(table.domain.target.classes)
    if not classes:
        return np.asarray(fitted.predict(rows), dtype=np.float64)
    answers = np.zeros((len(rows), len(classes)))
    answers[:, [classes.index(name) for name in fitted.classes_]] = fitted.predict_proba(rows)
    return answers


def _named(table: Table, answers: NDArray[np.float64]) -> NDArray[Any]:
    """Predictions as they are, probabilities as the name of the most probable class."""
    classes = table.domain.target.classes
    return np.array(classes)[winners_of(answers, classes)] if classes else answers


def _check_enough(table: Table, settings: TrainingSettings) -> None:
    # each fold judges two rows at least, or r2 and a standard deviation mean nothing
    needed = 2 * settings.folds
    if len(table) * (1 - settings.test_share) < needed or len(table) * settings.test_share < 1:
        raise DataError(f"{table.source}: {len(table)} rows are too few for {settings.folds} folds and test rows")
    for name, count in Counter(table.target.tolist()).items() if table.domain.target.classes else ():
        if count * (1 - settings.test_share) < settings.folds:
            raise DataError(f"{table.source}: {count} rows of class {name} are too few for {settings.folds} folds")
