"""Blends: means of two or three trials, chosen by their out-of-fold predictions.

The members are already cross-validated on the same folds. A blend's predictions on a fold are the mean of its members'
there, so evaluating all blends is cheap. Weights are equal: learned ones were no better, and fit the folds by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_NEEDED = 0.998
"""What a blend's loss may be of a smaller one's at most: another member must be worth its cost."""


def best_blend(
    trials: Sequence[Trial], table: EncodedTable, metric: str, splits: Sequence[Split], max_us_per_row: float
) -> Trial | None:
    """The best mean of two or three trials within the counted cost; None if there is none."""
    priced = [each for each in trials if each.cost is not None and np.isfinite(each.losses).all()]
    best: Trial | None = None
    for count in range(2, MOST_MEMBERS + 1):
        smaller = best
        for members in combinations(priced, count):
            if sum(member.cost or 0.0 for member in members) > RESERVE * max_us_per_row:
                continue
            blend = mean_of(members, BLEND, table, metric, splits)
            if (best is None or blend.loss < best.loss) and (smaller is None or blend.loss < _NEEDED * smaller.loss):
                best = blend
    return None if best is None else with_power(best, table, metric, splits)


def make_voting_estimator(domain: Domain, estimators: Sequence[tuple[str, Any]], weights: Sequence[float]) -> Any:
    """An unfitted estimator that predicts the weighted mean of named estimators; for classes, a soft vote."""
    if domain.target.classes:
        return VotingClassifier(list(estimators), voting="soft", weights=list(weights))
    return VotingRegressor(list(estimators), weights=list(weights))


def fitted_blend(table: EncodedTable, unfitted: Sequence[tuple[str, Any]], fitted: Sequence[Any], power: float) -> Any:
    """An estimator that predicts the mean of members, which are fitted already.

    Args:
        table: that they were fitted on.
        unfitted: names and unfitted estimators of the members.
        fitted: the same, fitted.
        power: of the blend's probabilities; 1 for none.
    """
    vote = make_voting_estimator(table.domain, unfitted, [1.0] * len(unfitted))
    vote.estimators_ = list(fitted)
    vote.named_estimators_ = Bunch(**{name: each for (name, _), each in zip(unfitted, fitted, strict=True)})
    if not table.classes:
        return vote
    vote.le_ = LabelEncoder().fit(np.array(table.classes))
    vote.classes_ = vote.le_.classes_
    if power == 1:
        return vote
    whole = SharpenedClassifier(make_voting_estimator(table.domain, unfitted, [1.0] * len(unfitted)), power)
    whole.estimator_, whole.classes_ = vote, vote.classes_
    return whole
