"""Test rows, folds among the training rows, and cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, TimeSeriesSplit, train_test_split
from sklearn.pipeline import Pipeline

from schemas.classes import ClassThreshold, winners_of
from schemas.errors import DataError
from schemas.sections import TrainingSettings
from training.data.enough import why_too_few
from training.data.tables import Table
from training.learning.metrics import score
from training.learning.threads import one_core, one_thread_each

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the training rows and of the validation rows of a fold."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """The result of a cross-validation.

    Attributes:
        scores: the deciding metric of each fold, shape (folds * repeats,).
        out_of_fold: a prediction for each row by a model that was not fitted on it, from the first repetition. If folds
            follow time, the earliest rows are in no validation set: a model of all later rows predicts them.
        probabilities: the same as probabilities (n, classes) in the order of the domain's classes; None for a
            regression.
        predictions: for the validation rows of each fold: shape (rows,), or (rows, classes).
    """

    scores: NDArray[np.float64]
    out_of_fold: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    predictions: tuple[NDArray[np.float64], ...] = ()


def split(table: Table, settings: TrainingSettings) -> tuple[Table, Table]:
    """Split a table into training rows and test rows by the seed; classes keep their shares.

    If rows have a time, the latest are the test rows.

    Raises:
        DataError: the table has too few rows, or too few of a class, for the folds.
    """
    if reason := why_too_few(table.domain, table.target.tolist(), settings):
        raise DataError(f"{table.source}: {reason}")
    if table.times is not None:
        by_time = np.argsort(table.times, kind="stable")
        first = len(table) - max(round(len(table) * settings.test_share), 1)
        return table.take(by_time[:first]), table.take(by_time[first:])
    train, test = train_test_split(
        np.arange(len(table)),
        test_size=settings.test_share,
        random_state=settings.seed,
        stratify=table.target if table.domain.target.classes else None,
    )
    return table.take(np.sort(train)), table.take(np.sort(test))


def splits_of(table: Table, settings: TrainingSettings) -> tuple[Split, ...]:
    """The folds among the training rows by the seed, repetition by repetition.

    If rows have a time, the training rows of each fold are earlier than its validation rows, and there is one
    repetition.
    """
    if table.times is not None:
        by_time = np.argsort(table.times, kind="stable")
        pairs = TimeSeriesSplit(settings.folds).split(by_time)
        return tuple((by_time[train], by_time[validation]) for train, validation in pairs)
    kind = RepeatedStratifiedKFold if table.domain.target.classes else RepeatedKFold
    folds = kind(n_splits=settings.folds, n_repeats=settings.repeats, random_state=settings.seed)
    return tuple(folds.split(table.frame, table.target))


def cross_validate(
    pipeline: Pipeline, table: Table, splits: Sequence[Split], metric: str, n_jobs: int = 0
) -> FoldResult:
    """Fit and score a clone of a pipeline on every fold.

    Args:
        pipeline: takes the domain's raw columns.
        table: the training rows.
        splits: the folds.
        metric: that decides.
        n_jobs: number of folds that run in parallel, 0 for the number of cores. It does not change the result.
    """
    backwards = backward_splits(len(table), splits)
    pairs = [*splits, *backwards]
    with one_thread_each():
        predictions = Parallel(n_jobs=min(n_jobs or cpu_count(), len(pairs)), prefer="threads")(
            delayed(predict_fold)(pipeline, table, each) for each in pairs
        )
    others = list(zip(backwards, predictions[len(splits) :], strict=True))
    return fold_result(table, splits, metric, predictions[: len(splits)], others)


def backward_splits(rows: int, splits: Sequence[Split]) -> list[Split]:
    """A split that predicts the rows in no validation set, which are the earliest if folds follow time; else none."""
    earliest = rows_in_none(rows, [validation for _, validation in splits])
    return [(rows_in_none(rows, [earliest]), earliest)] if len(earliest) else []


def rows_in_none(rows: int, parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Of so many rows, the numbers of those that are in no part, in order."""
    is_outside = np.ones(rows, dtype=bool)
    for part in parts:
        is_outside[part] = False
    return np.flatnonzero(is_outside)


def first_repetition(splits: Sequence[Split]) -> list[Split]:
    """The folds before a row is a validation row for the second time: the out-of-fold predictions come from these."""
    first = list[Split]()
    is_seen = np.zeros(1 + max(int(validation.max()) for _, validation in splits), dtype=bool)
    for train, validation in splits:
        if is_seen[validation].any():
            break
        is_seen[validation] = True
        first.append((train, validation))
    return first


def fold_result(
    table: Table,
    splits: Sequence[Split],
    metric: str,
    predictions: Sequence[NDArray[np.float64]],
    others: Sequence[tuple[Split, NDArray[np.float64]]] = (),
) -> FoldResult:
    """The result of predictions for each fold's validation rows; `others` are for rows in no validation set."""
    scores = [score_fold(table, each, metric, predicted) for each, predicted in zip(splits, predictions, strict=True)]
    whole = np.full((len(table), *predictions[0].shape[1:]), np.nan)
    # the first repetition is written last, so its predictions stay
    for (_, validation), predicted in reversed([*zip(splits, predictions, strict=True), *others]):
        whole[validation] = predicted
    probabilities = whole if table.domain.target.classes else None
    return FoldResult(np.array(scores), _named(table, whole), probabilities, tuple(predictions))


def named_by(folds: FoldResult, table: Table, threshold: ClassThreshold | None) -> FoldResult:
    """The same result with the classes that a threshold predicts out of fold."""
    if threshold is None or folds.probabilities is None:
        return folds
    classes = table.domain.target.classes
    names = np.array(classes)[winners_of(folds.probabilities, classes, threshold)]
    return replace(folds, out_of_fold=names)


def score_fold(table: Table, split: Split, metric: str, predicted: NDArray[np.float64]) -> float:
    """The deciding metric of one fold's predictions."""
    return score(table.domain, metric, table.target[split[1]], predicted)


def predict_fold(pipeline: Pipeline, table: Table, split: Split) -> NDArray[np.float64]:
    """Fit a clone of a pipeline on a fold's training rows, and predict its validation rows.

    Returns:
        Predictions (n,), or probabilities (n, classes) in the order of the domain's classes.
    """
    train, validation = split
    with one_core():
        fitted = clone(pipeline).fit(table.frame.iloc[train], table.target[train])
    rows, classes = table.frame.iloc[validation], list(table.domain.target.classes)
    if not classes:
        return np.asarray(fitted.predict(rows), dtype=np.float64)
    predictions = np.zeros((len(rows), len(classes)))
    predictions[:, [classes.index(name) for name in fitted.classes_]] = fitted.predict_proba(rows)
    return predictions


def _named(table: Table, predictions: NDArray[np.float64]) -> NDArray[Any]:
    """Replace probabilities by the name of the most probable class; other predictions stay."""
    classes = table.domain.target.classes
    return np.array(classes)[winners_of(predictions, classes)] if classes else predictions
