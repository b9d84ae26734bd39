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
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, TimeSeriesSplit, train_test_split
from sklearn.pipeline import Pipeline

from schemas.classes import winners_of
from schemas.errors import DataError
from schemas.sections import TrainingSettings
from training.data.tables import Table
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.threads import one_core, one_thread_each

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of the rows that teach, and of those that judge."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What cross-validation gave.

    Attributes:
        scores: the deciding metric of each fold, shape (folds * repeats,).
        out_of_fold: for each row what a model predicted that had not seen it, from the first repetition. Where folds
            follow time no fold judges the earliest rows: they are predicted by a model of all later ones.
        probabilities: the same as probabilities (n, classes) in the order of the domain's classes; None for a
            regression.
        answers: what was predicted for the judging rows of each fold: shape (rows,), or (rows, classes).
    """

    scores: NDArray[np.float64]
    out_of_fold: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    answers: tuple[NDArray[np.float64], ...] = ()


def split(table: Table, settings: TrainingSettings) -> tuple[Table, Table]:
    """Training rows and test rows, the same for the same seed; classes keep their shares.

    Where rows carry a time, the latest are the test rows.

    Raises:
        DataError: there are too few rows, or too few of a class, to fold.
    """
    _check_enough(table, settings)
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
    """The folds among the training rows, repetition by repetition, the same for the same seed.

    Where rows carry a time, each fold learns from what came before the rows it judges, and there is one repetition:
    time runs one way only.
    """
    if table.times is not None:
        by_time = np.argsort(table.times, kind="stable")
        pairs = TimeSeriesSplit(settings.folds).split(by_time)
        return tuple((by_time[learn], by_time[judge]) for learn, judge in pairs)
    kind = RepeatedStratifiedKFold if table.domain.target.classes else RepeatedKFold
    folds = kind(n_splits=settings.folds, n_repeats=settings.repeats, random_state=settings.seed)
    return tuple(folds.split(table.frame, table.target))


def cross_validate(pipeline: Pipeline, table: Table, splits: Sequence[Split], n_jobs: int = 0) -> FoldResult:
    """Fit and judge a pipeline on every fold; everything that learns is fitted inside the fold.

    Args:
        pipeline: takes the domain's raw columns; it is cloned.
        table: the training rows.
        splits: the folds among them.
        n_jobs: folds that run side by side; 0 for as many as there are cores. It changes no figure.
    """
    unjudged = np.setdiff1d(np.arange(len(table)), np.concatenate([judge for _, judge in splits]))
    backwards = [(np.setdiff1d(np.arange(len(table)), unjudged), unjudged)] if len(unjudged) else []
    pairs = [*splits, *backwards]
    with one_thread_each():
        answers = Parallel(n_jobs=min(n_jobs or cpu_count(), len(pairs)), prefer="threads")(
            delayed(answer_fold)(pipeline, table, one) for one in pairs
        )
    return fold_result(table, splits, answers[: len(splits)], list(zip(backwards, answers[len(splits) :], strict=True)))


def fold_result(
    table: Table,
    splits: Sequence[Split],
    answers: Sequence[NDArray[np.float64]],
    others: Sequence[tuple[Split, NDArray[np.float64]]] = (),
) -> FoldResult:
    """The result of answers to each fold's judging rows; `others` answer rows that no fold judges."""
    scores = [score_of_fold(table, one, answer) for one, answer in zip(splits, answers, strict=True)]
    whole = np.full((len(table), *answers[0].shape[1:]), np.nan)
    # the first repetition is written last and stays
    for (_, judge), answer in reversed([*zip(splits, answers, strict=True), *others]):
        whole[judge] = answer
    probabilities = whole if table.domain.target.classes else None
    return FoldResult(np.array(scores), _named(table, whole), probabilities, tuple(answers))


def score_of_fold(table: Table, split: Split, answer: NDArray[np.float64]) -> float:
    """The deciding metric of one fold's answer."""
    judge = split[1]
    return metrics_of(table.domain, table.target[judge], _named(table, answer))[deciding_metric(table.domain)]


def answer_fold(pipeline: Pipeline, table: Table, split: Split) -> NDArray[np.float64]:
    """What a pipeline, fitted on a fold's learning rows, says of its judging rows.

    Returns:
        Predictions (n,), or probabilities (n, classes) in the order of the domain's classes.
    """
    learn, judge = split
    with one_core():
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
