"""Blends: weighted means of several candidates' predictions, chosen by their out-of-fold predictions.

The members are already cross-validated on the same folds. A blend's predictions on a fold are the weighted predictions
of its members there, so evaluating all blends of two or three is cheap. A ridge regression learns the weights of a
stack: for each fold from the predictions on the other folds, and for the final model from all folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import Ridge

from schemas.domain import Domain
from training.data.tables import Table
from training.learning.candidates import Candidate
from training.learning.folding import FoldResult, Split, fold_result, rows_without_validation
from training.learning.metrics import is_better, mean_and_sd

MOST_MEMBERS = 3
RESERVE = 0.85
"""Share of the limit on cost that all members together may use: a blend costs slightly more than its members."""
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Blend:
    """Members of a blend with their weights.

    Attributes:
        members: names of the candidates.
        weights: of the members; their sum is 1.
        folds: the blend's scores and predictions.
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    folds: FoldResult


def blend_best(
    candidates: Sequence[Candidate], table: Table, splits: Sequence[Split], max_us_per_row: float
) -> Blend | None:
    """The best mean of two or three candidates that cost at most `RESERVE` of the limit; None if there is none."""
    best: Blend | None = None
    for count in range(2, MOST_MEMBERS + 1):
        for members in combinations(candidates, count):
            if sum(member.us_per_row for member in members) > RESERVE * max_us_per_row:
                continue
            predictions = [np.mean(fold, axis=0) for fold in zip(*(m.folds.predictions for m in members), strict=True)]
            folds = fold_result(table, splits, predictions, _others(table, splits, members))
            if best is None or is_better(table.domain, mean_and_sd(folds.scores)[0], mean_and_sd(best.folds.scores)[0]):
                best = Blend(tuple(member.name for member in members), (1 / count,) * count, folds)
    return best


def make_voting_estimator(domain: Domain, estimators: Sequence[tuple[str, Any]], weights: Sequence[float]) -> Any:
    """An unfitted estimator that predicts the weighted mean of named estimators; for classes, a soft vote."""
    if domain.target.classes:
        return VotingClassifier(list(estimators), voting="soft", weights=list(weights))
    return VotingRegressor(list(estimators), weights=list(weights))


def stack(members: Sequence[Candidate], table: Table, splits: Sequence[Split], folds: int) -> Blend:
    """Weigh members of a regression by ridge regression.

    Args:
        members: candidates, cross-validated on `splits`.
        table: the training rows.
        splits: the folds, repetition by repetition.
        folds: number of folds in a repetition.
    """
    predictions: list[NDArray[np.float64]] = []
    for number in range(len(splits)):
        first = number - number % folds
        others = [other for other in range(first, min(first + folds, len(splits))) if other != number]
        weights = _weights(members, table, splits, others)
        predictions.append(np.column_stack([member.folds.predictions[number] for member in members]) @ weights)
    weights = _weights(members, table, splits, range(len(splits)))
    result = fold_result(table, splits, predictions, _others(table, splits, members))
    return Blend(tuple(member.name for member in members), tuple(weights.tolist()), result)


def _weights(
    members: Sequence[Candidate], table: Table, splits: Sequence[Split], numbers: Sequence[int]
) -> NDArray[np.float64]:
    """Weights with a sum of 1, from the predictions on some of the folds."""
    columns = [np.concatenate([member.folds.predictions[number] for number in numbers]) for member in members]
    truth = np.concatenate([table.target[splits[number][1]] for number in numbers])
    ridge = Ridge(_RIDGE, fit_intercept=False, positive=True).fit(np.column_stack(columns), truth)
    weights: NDArray[np.float64] = ridge.coef_
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(members), 1 / len(members))


def _others(
    table: Table, splits: Sequence[Split], members: Sequence[Candidate]
) -> list[tuple[Split, NDArray[np.float64]]]:
    """Mean predictions for the rows in no validation set."""
    rows = rows_without_validation(table, splits)
    if not len(rows):
        return []
    folds = [member.folds for member in members]
    predictions = [each.out_of_fold if each.probabilities is None else each.probabilities for each in folds]
    return [((rows, rows), np.mean([each[rows] for each in predictions], axis=0))]
