"""Blends: means of two or three trials, chosen by their out-of-fold predictions.

The members are already cross-validated on the same folds. A blend's predictions on a fold are the mean of its members'
there, so evaluating all blends is cheap. Weights are equal, or the smooth members and the trees have half each, because
trees err on the same rows; learned weights were no better, and fit the folds by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from registry.steps.sharpening import SharpenedClassifier
from schemas.domain import Domain
from training.learning.encoded_table import EncodedTable
from training.learning.folding import Split
from training.learning.recipes import BLEND
from training.learning.trials import Trial, mean_of, with_power

MOST_MEMBERS = 3
RESERVE = 0.9
"""Share of the limit on cost that all members together may use: a blend costs slightly more than its members."""
_NEEDED = 0.99
"""What a blend's loss may be of a smaller one's at most: another member must be worth its cost. With 0.998 losses on
outer folds of four tables of 400 to 500 rows were the same within 0.3 %, and rows cost up to a third more."""
MIXED_BLEND = f"{BLEND}-mixed"


def best_blends(
    trials: Sequence[Trial], table: EncodedTable, metric: str, splits: Sequence[Split], max_us_per_row: float
) -> list[Trial]:
    """The best mean of two or three trials within the counted cost, and the best that is mixed, if that is another.

    A blend is mixed if it has both a smooth member and trees.
    """
    priced = [each for each in trials if each.cost is not None and np.isfinite(each.losses).all()]
    best: Trial | None = None
    mixed: Trial | None = None
    for count in range(2, MOST_MEMBERS + 1):
        smaller, smaller_mixed = best, mixed
        for members in combinations(priced, count):
            if sum(member.cost or 0.0 for member in members) > RESERVE * max_us_per_row:
                continue
            for weights in _weightings(members):
                # one at a time: their predictions for a large table take much memory
                blend = mean_of(members, weights, BLEND, table, metric, splits)
                if _is_worth(blend, best, smaller):
                    best = blend
                if blend.is_mixed and _is_worth(blend, mixed, smaller_mixed):
                    mixed = replace(blend, name=MIXED_BLEND)
    found = [each for each in (best, mixed) if each is not None and not (each is mixed and best and best.is_mixed)]
    return [with_power(each, table, metric, splits) for each in found]


def _weightings(trials: Sequence[Trial]) -> list[list[float]]:
    """Equal weights, and those by which the smooth members weigh as much as the trees, if that is not the same."""
    equal = [1 / len(trials)] * len(trials)
    smooth = [trial.members[0].is_smooth for trial in trials]
    if len(set(smooth)) == 1 or smooth.count(True) == smooth.count(False):
        return [equal]
    return [equal, [0.5 / smooth.count(each) for each in smooth]]


def _is_worth(blend: Trial, best: Trial | None, smaller: Trial | None) -> bool:
    """Whether a blend is the best so far, and better than one of fewer members by as much as another must be worth."""
    return (best is None or blend.loss < best.loss) and (smaller is None or blend.loss < _NEEDED * smaller.loss)


def make_voting_estimator(domain: Domain, estimators: Sequence[tuple[str, Any]], weights: Sequence[float]) -> Any:
    """An unfitted estimator that predicts the weighted mean of named estimators; for classes, a soft vote."""
    if domain.target.classes:
        return VotingClassifier(list(estimators), voting="soft", weights=list(weights))
    return VotingRegressor(list(estimators), weights=list(weights))


def fitted_blend(
    table: EncodedTable,
    unfitted: Sequence[tuple[str, Any]],
    fitted: Sequence[Any],
    weights: Sequence[float],
    power: float,
) -> Any:
    """An estimator that predicts the weighted mean of members, which are fitted already.

    Args:
        table: that they were fitted on.
        unfitted: names and unfitted estimators of the members.
        fitted: the same, fitted.
        weights: of the members.
        power: of the blend's probabilities; 1 for none.
    """
    vote = make_voting_estimator(table.domain, unfitted, weights)
    vote.estimators_ = list(fitted)
    vote.named_estimators_ = Bunch(**{name: each for (name, _), each in zip(unfitted, fitted, strict=True)})
    if not table.classes:
        return vote
    vote.le_ = LabelEncoder().fit(np.array(table.classes))
    vote.classes_ = vote.le_.classes_
    if power == 1:
        return vote
    whole = SharpenedClassifier(make_voting_estimator(table.domain, unfitted, weights), power)
    whole.estimator_, whole.classes_ = vote, vote.classes_
    return whole
