"""One model as it would have been fitted at a moment, and its error on the periods from then on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from history.dated_table import DatedTable
from schemas.errors import DataError
from schemas.settings import Settings
from training.learning.folding import predict_fold
from training.learning.metrics import loss_of, score
from training.learning.own_recipes import load_recipes
from training.learning.recipes import choose_recipes

FEWEST_LEARNED, FEWEST_TESTED = 50, 20
"""Rows that a refit needs, and a period that is tested."""

_tables: dict[Path, DatedTable] = {}


@dataclass(frozen=True, slots=True)
class RefitTask:
    """A model to fit and to test.

    Attributes:
        settings: of the domain, with recipes and seed.
        model: name of the recipe.
        metric: by which it is tested.
        folder: with the rows (`DatedTable.store`).
        period: at whose start it is fitted, by number.
        edges: of all periods, one more than there are.
        window_s: age up to which rows are learned from, in s; None for all.
    """

    settings: Settings
    model: str
    metric: str
    folder: Path
    period: int
    edges: NDArray[np.datetime64]
    window_s: float | None = None


@dataclass(frozen=True, slots=True)
class RefitLosses:
    """How a refit did.

    Attributes:
        period: at whose start it was fitted.
        losses: on each period, shape (periods,); NaN before it was fitted, where there are too few rows,
            and everywhere if too few labels were known to fit it.
    """

    period: int
    losses: NDArray[np.float64]


def refit(task: RefitTask) -> RefitLosses:
    """Fit on the rows whose label was known, and predict all later ones.

    Raises:
        DataError: the recipe cannot be fitted on them.
    """
    dated = _table_of(task)
    begin = task.edges[task.period]
    is_learned = (dated.known < begin) & (dated.times < begin)
    if task.window_s is not None:
        is_learned &= dated.times >= begin - np.timedelta64(int(task.window_s * 1e9), "ns")
    learned = np.flatnonzero(is_learned)
    losses = np.full(len(task.edges) - 1, np.nan)
    if len(learned) < FEWEST_LEARNED:
        return RefitLosses(task.period, losses)
    later = np.flatnonzero(dated.times >= begin)
    domain = dated.table.domain
    (recipe,) = choose_recipes(domain, [task.model], load_recipes(task.settings.training.recipes))
    try:
        predictions = predict_fold(recipe.pipeline(domain, task.settings.training.seed), dated.table, (learned, later))
    except ValueError as error:
        raise DataError(f"{task.model} cannot be fitted on {len(learned)} rows: {error}") from error
    period_of = np.searchsorted(task.edges, dated.times[later], side="right") - 1
    for period in range(task.period, len(losses)):
        rows = np.flatnonzero(period_of == period)
        if len(rows) >= FEWEST_TESTED:
            truth = dated.table.target[later[rows]]
            losses[period] = loss_of(task.metric, score(domain, task.metric, truth, predictions[rows]))
    return RefitLosses(task.period, losses)


def _table_of(task: RefitTask) -> DatedTable:
    """The rows, read once in each process."""
    if task.folder not in _tables:
        _tables.clear()
        _tables[task.folder] = DatedTable.load(task.settings.load_domain(), task.folder)
    return _tables[task.folder]
