"""The listings of the simulation: 506 Boston rows with answers of three models that were not trained on the row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold
from xgboost import XGBRegressor

from schemas.domain import load_domain
from tasador.bench.drift_cost import boston

LossArray = NDArray[np.float64]
_FOLDS = 10
_SEED = 3


@dataclass(frozen=True)
class Population:
    """Listings, each of which a simulation draws with equal probability.

    Attributes:
        truth: (n,), in the target's unit.
        champion: its answers (n,).
        challenger: its answers (n,).
    """

    truth: LossArray
    champion: LossArray
    challenger: LossArray

    @property
    def champion_loss(self) -> LossArray:
        """Absolute errors of the champion (n,)."""
        return np.abs(self.champion - self.truth)

    @property
    def challenger_loss(self) -> LossArray:
        """Absolute errors of the challenger (n,)."""
        return np.abs(self.challenger - self.truth)

    @property
    def difference(self) -> LossArray:
        """By how much the challenger is closer to the truth (n,)."""
        return self.champion_loss - self.challenger_loss

    @property
    def is_dear(self) -> NDArray[np.bool_]:
        """Whether a listing is in the dearer half (n,)."""
        return self.truth > np.median(self.truth)

    def with_gain(self, gain: float) -> Population:
        """The challenger's errors scaled, so that it is better by a share of the champion's mean absolute error."""
        scale = self.champion_loss.mean() / self.challenger_loss.mean() * (1 - gain)
        return replace(self, challenger=self.truth + (self.challenger - self.truth) * scale)

    def with_failures(self, failing: NDArray[np.bool_]) -> Population:
        """A challenger that fails on some listings, where the champion answers, and is as good on all others."""
        others = replace(self, **{name: getattr(self, name)[~failing] for name in ("truth", "champion", "challenger")})
        answers = self.champion.copy()
        answers[~failing] = others.with_gain(0).challenger
        return replace(self, challenger=answers)

    def better_on_cheap(self, gain: float) -> Population:
        """A challenger that is better on the cheaper half and as much worse on the dearer one: equal on the whole."""
        losses = self.champion_loss
        cheap, dear = losses[~self.is_dear].sum(), losses[self.is_dear].sum()
        factor = np.where(self.is_dear, 1 + gain * cheap / dear, 1 - gain)
        return replace(self, challenger=self.truth + (self.champion - self.truth) * factor)


def populations() -> tuple[Population, Population]:
    """Two pairs of models: boosted trees of two libraries, and of one library with other settings."""
    _, rows = boston()
    domain = load_domain("housing")
    truth = np.array([float(row[domain.target.name]) for row in domain.contract.built_in_table()])
    models = (
        XGBRegressor(n_estimators=300, learning_rate=0.05, max_depth=4, n_jobs=1),
        GradientBoostingRegressor(
            n_estimators=300, learning_rate=0.05, max_depth=4, subsample=0.7, max_features=0.4, random_state=1
        ),
        XGBRegressor(n_estimators=400, learning_rate=0.05, max_depth=3, subsample=0.7, colsample_bynode=0.4, n_jobs=1),
    )
    answers = np.empty((len(models), len(truth)))
    for train, held_out in KFold(_FOLDS, shuffle=True, random_state=_SEED).split(rows):
        for number, model in enumerate(models):
            answers[number, held_out] = model.fit(rows[train], truth[train]).predict(rows[held_out])
    first, second, third = answers
    return Population(truth, first, second), Population(truth, second, third)
