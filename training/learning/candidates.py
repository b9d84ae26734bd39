"""A candidate of a training run: a recipe folded, fitted and timed; and the one among several that wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from registry.cost import us_per_row
from registry.scorer import score_of
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.rows import RowBuilder
from training.data.tables import Table
from training.learning.folding import FoldResult, Split, cross_validate
from training.learning.metrics import is_better, mean_and_sd
from training.learning.threads import one_thread_each

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """How a search went.

    Attributes:
        trials: that were finished or pruned, those of earlier runs of the same search among them.
        pruned: of these, how many were given up after some folds.
        best: the deciding metric of the best trial, on folds that judge no candidate.
        seconds: what it took in this run.
        is_cut: whether the time was up before the trials were.
    """

    trials: int
    pruned: int
    best: float
    seconds: float
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One recipe, tried.

    Attributes:
        name: of the recipe.
        mean: of the deciding metric over folds.
        sd: its standard deviation over folds.
        us_per_row: what a row costs in a batch of 1,000, in microseconds.
        is_affordable: whether that is within the limit.
        seconds: what trying it took.
        folds: the folds' scores and the out-of-fold predictions.
        params: what a search chose for it, or what a blend is made of; empty where nothing was chosen.
        search: how the search went; None where nothing was searched.
    """

    name: str
    mean: float
    sd: float
    us_per_row: float
    is_affordable: bool
    seconds: float
    folds: FoldResult = field(repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)
    search: SearchRecord | None = None


def try_pipeline(
    name: str,
    pipeline: Pipeline,
    table: Table,
    splits: Sequence[Split],
    max_us_per_row: float,
    *,
    n_jobs: int = 0,
) -> Candidate:
    """Fold a pipeline on the training rows, fit it on all of them, and time it; it is fitted when this returns."""
    start = perf_counter()
    folds = cross_validate(pipeline, table, splits, n_jobs)
    return judge_folds(name, pipeline, table, folds, max_us_per_row, start)


def judge_folds(
    name: str, pipeline: Pipeline, table: Table, folds: FoldResult, max_us_per_row: float, start: float
) -> Candidate:
    """Make a candidate of a pipeline whose folds are known: fit it on all training rows, and time it."""
    with one_thread_each():
        # on one thread, as in the folds: sums are then added up in the same order everywhere
        pipeline.fit(table.frame, table.target)
    matrix = RowBuilder(table.domain).matrix_of_frame(table.frame)
    cost = us_per_row(score_of(pipeline, table.domain.target.classes), matrix)
    mean, sd = mean_and_sd(folds.scores)
    return Candidate(name, mean, sd, cost, cost <= max_us_per_row, perf_counter() - start, folds)


def choose(candidates: Sequence[Candidate], domain: Domain, max_us_per_row: float) -> Candidate:
    """The best candidate by its folds among those that are fast enough.

    Raises:
        ModelRejectedError: ("cost") none is.
    """
    affordable = [candidate for candidate in candidates if candidate.is_affordable]
    if not affordable:
        costs = ", ".join(f"{candidate.name} {candidate.us_per_row:.1f} µs" for candidate in candidates)
        message = f"no model costs at most {max_us_per_row:g} µs a row (swap.max_us_per_row): {costs}"
        raise ModelRejectedError("cost", message)
    best = affordable[0]
    for candidate in affordable[1:]:
        if is_better(domain, candidate.mean, best.mean):
            best = candidate
    return best
