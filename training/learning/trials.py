"""Trials: what the members of a training predict on every fold, before one of them or a blend is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from registry.steps.sharpening import sharpened
from training.learning.encoded_table import EncodedTable
from training.learning.folding import Split
from training.learning.losses import best_power, loss
from training.learning.members import Member

Predictions = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """A member, or the weighted mean of several, on every fold.

    Attributes:
        name: of the candidate.
        members: with their powers.
        predictions: for the validation rows of each fold: prices (rows,), or probabilities (rows, classes) in the order
            of the table's classes.
        others: the same for the rows in no validation set, if folds follow time; else None.
        losses: of each fold.
        cost: counted cost of a row in µs; None if nobody knows it before it is measured.
        power: of a blend's probabilities, beside those of its members.
        weights: of the members; their sum is 1.
    """

    name: str
    members: tuple[Member, ...]
    predictions: tuple[Predictions, ...] = field(repr=False)
    others: Predictions | None = field(repr=False)
    losses: tuple[float, ...]
    cost: float | None
    power: float = 1.0
    weights: tuple[float, ...] = (1.0,)

    @property
    def loss(self) -> float:
        """The mean over folds."""
        return float(np.mean(self.losses))

    @property
    def is_mixed(self) -> bool:
        """Whether it has both a smooth member and trees."""
        return len({member.is_smooth for member in self.members}) > 1


def trial_of(
    name: str,
    member: Member,
    table: EncodedTable,
    metric: str,
    splits: Sequence[Split],
    raw: Sequence[Predictions],
    others: Predictions | None,
    cost: float | None,
) -> Trial:
    """A trial of one member; the power of its probabilities is fitted to those out of fold.

    Args:
        name: of the candidate.
        member: whose predictions these are.
        table: the training rows.
        metric: that decides.
        splits: the folds.
        raw: predictions for each fold's validation rows.
        others: for the rows in no validation set; None if there are none.
        cost: counted cost of a row in µs.
    """
    power = fitted_power(table, splits, raw)
    predictions = [sharpened(each, power) if power != 1 else each for each in raw]
    if others is not None and power != 1:
        others = sharpened(others, power)
    losses = _losses(table, metric, splits, predictions)
    return Trial(name, (replace(member, power=power),), tuple(predictions), others, losses, cost)


def mean_of(
    trials: Sequence[Trial],
    weights: Sequence[float],
    name: str,
    table: EncodedTable,
    metric: str,
    splits: Sequence[Split],
) -> Trial:
    """The weighted mean of trials of one member each, without a power of its own.

    Args:
        trials: to blend.
        weights: of each; their sum is 1.
        name: of the blend.
        table: the training rows.
        metric: that decides.
        splits: the folds.
    """
    predictions = tuple(
        np.average(fold, axis=0, weights=weights) for fold in zip(*(each.predictions for each in trials), strict=True)
    )
    parts = [each.others for each in trials if each.others is not None]
    others = np.average(np.array(parts), axis=0, weights=weights) if parts else None
    members = tuple(member for each in trials for member in each.members)
    cost = sum(each.cost or 0.0 for each in trials)
    losses = _losses(table, metric, splits, predictions)
    return Trial(name, members, predictions, others, losses, cost, weights=tuple(weights))


def with_power(trial: Trial, table: EncodedTable, metric: str, splits: Sequence[Split]) -> Trial:
    """A blend whose probabilities have a power of their own, where that lowers their log loss."""
    power = fitted_power(table, splits, trial.predictions)
    if power == 1:
        return trial
    predictions = tuple(sharpened(each, power) for each in trial.predictions)
    others = None if trial.others is None else sharpened(trial.others, power)
    losses = _losses(table, metric, splits, predictions)
    return replace(trial, predictions=predictions, others=others, losses=losses, power=power)


def fitted_power(table: EncodedTable, splits: Sequence[Split], predictions: Sequence[Predictions]) -> float:
    """The power for out-of-fold probabilities; 1 for numbers."""
    if not table.classes:
        return 1.0
    rows = np.concatenate([validation for _, validation in splits])
    return best_power(table.target[rows].astype(np.int64), np.concatenate(predictions), len(np.unique(rows)))


def _losses(
    table: EncodedTable, metric: str, splits: Sequence[Split], predictions: Sequence[Predictions]
) -> tuple[float, ...]:
    return tuple(
        loss(table, metric, validation, predicted)
        for (_, validation), predicted in zip(splits, predictions, strict=True)
    )
