"""Blends: several candidates that answer together, chosen and weighed by what they said of rows they had not seen.

Members were folded already, on the same folds. A blend's answers on a fold are its members' answers there, weighed, so
judging all blends of two or three costs next to nothing. Weights of a stack are learnt by a ridge regression on the
answers to the other folds, and on all of them in the end.
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
from training.learning.folding import FoldResult, Split, fold_result
from training.learning.metrics import is_better, mean_and_sd

MOST_MEMBERS = 3
RESERVE = 0.85
"""Share of the limit on costs that members may use up together: a blend costs a little more than its members."""
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Blend:
    """Some candidates and how much each counts.

    Attributes:
        members: their names.
        weights: of each; they sum to one.
        folds: what they say together.
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    folds: FoldResult


def blend_best(
    candidates: Sequence[Candidate], table: Table, splits: Sequence[Split], max_us_per_row: float
) -> Blend | None:
    """The mean of the two or three that are best together, for at most `RESERVE` of the limit; None if none are."""
    best: Blend | None = None
    for count in range(2, MOST_MEMBERS + 1):
        for members in combinations(candidates, count):
            if sum(member.us_per_row for member in members) > RESERVE * max_us_per_row:
                continue
            answers = [np.mean(same, axis=0) for same in zip(*(one.folds.answers for one in members), strict=True)]
            folds = fold_result(table, splits, answers, _others(table, splits, members))
            if best is None or is_better(table.domain, mean_and_sd(folds.scores)[0], mean_and_sd(best.folds.scores)[0]):
                best = Blend(tuple(one.name for one in members), (1 / count,) * count, folds)
    return best


def together(domain: Domain, parts: Sequence[tuple[str, Any]], weights: Sequence[float]) -> Any:
    """An unfitted estimator of several, by name, that answers with their weighed mean: a soft vote for classes."""
    if domain.target.classes:
        return VotingClassifier(list(parts), voting="soft", weights=list(weights))
    return VotingRegressor(list(parts), weights=list(weights))


def stack(members: Sequence[Candidate], table: Table, splits: Sequence[Split], folds: int) -> Blend:
    """Members of a regression with weights that a ridge regression gives them.

    Args:
        members: candidates, folded on `splits`.
        table: the training rows.
        splits: the folds, repetition by repetition.
        folds: how many make a repetition.
    """
    answers: list[NDArray[np.float64]] = []
    for number in range(len(splits)):
        first = number - number % folds
        others = [other for other in range(first, min(first + folds, len(splits))) if other != number]
        weights = _weights(members, table, splits, others)
        answers.append(np.column_stack([one.folds.answers[number] for one in members]) @ weights)
    weights = _weights(members, table, splits, range(len(splits)))
    together = fold_result(table, splits, answers, _others(table, splits, members))
    return Blend(tuple(one.name for one in members), tuple(weights.tolist()), together)


def _weights(
    members: Sequence[Candidate], table: Table, splits: Sequence[Split], numbers: Sequence[int]
) -> NDArray[np.float64]:
    """Weights that sum to one, from the answers to some of the folds."""
    said = np.column_stack([np.concatenate([one.folds.answers[number] for number in numbers]) for one in members])
    truth = np.concatenate([table.target[splits[number][1]] for number in numbers])
    found: NDArray[np.float64] = Ridge(_RIDGE, fit_intercept=False, positive=True).fit(said, truth).coef_
    total = found.sum()
    return found / total if total > 0 else np.full(len(members), 1 / len(members))


def _others(
    table: Table, splits: Sequence[Split], members: Sequence[Candidate]
) -> list[tuple[Split, NDArray[np.float64]]]:
    """Answers to rows that no fold judges, as there are where folds follow time."""
    unjudged = np.setdiff1d(np.arange(len(table)), np.concatenate([judge for _, judge in splits]))
    if not len(unjudged):
        return []
    known = [one.folds.out_of_fold if one.folds.probabilities is None else one.folds.probabilities for one in members]
    return [((unjudged, unjudged), np.mean([answers[unjudged] for answers in known], axis=0))]
