"""Candidates of a training run: recipes that are cross-validated, fitted and timed; and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    """Figures of a search.

    Attributes:
        trials: number of trials that completed or were pruned, including earlier runs of the same search.
        pruned: number of trials that were pruned.
        best: the deciding metric of the best trial, on the folds of the search.
        seconds: duration in this run.
        is_cut: whether the search stopped at the time limit, before the last trial.
    """

    trials: int
    pruned: int
    best: float
    seconds: float
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """The results of a recipe.

    Attributes:
        name: of the recipe.
        mean: of the deciding metric over folds.
        sd: standard deviation of the metric over folds.
        us_per_row: cost of a row in a batch of 1,000, in microseconds.
        is_affordable: whether the cost is within the limit.
        seconds: duration of cross-validation and fit.
        folds: scores of the folds, and out-of-fold predictions.
        params: from a search; for a blend its members and weights; empty for a recipe's own parameters.
        search: figures of the search; None without one.
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

    def figures(self) -> dict[str, Any]:
        """All fields except `folds`, as JSON values."""
        figures = {name: getattr(self, name) for name in self.__slots__ if name not in {"folds", "params", "search"}}
        return figures | {"params": dict(self.params), "search": asdict(self.search) if self.search else None}


def try_pipeline(
    name: str,
    pipeline: Pipeline,
    table: Table,
    splits: Sequence[Split],
    max_us_per_row: float,
    *,
    n_jobs: int = 0,
) -> Candidate:
    """Cross-validate a pipeline, fit it in place on all training rows, and time it."""
    start = perf_counter()
    folds = cross_validate(pipeline, table, splits, n_jobs)
    return fit_candidate(name, pipeline, table, folds, max_us_per_row, start)


def fit_candidate(
    name: str, pipeline: Pipeline, table: Table, folds: FoldResult, max_us_per_row: float, start: float
) -> Candidate:
    """Fit a cross-validated pipeline on all training rows, and time it."""
    with one_thread_each():
        # on one thread, as in the folds, so that sums are computed in the same order on every machine
        pipeline.fit(table.frame, table.target)
    matrix = RowBuilder(table.domain).matrix_of_frame(table.frame)
    cost = us_per_row(score_of(pipeline, table.domain.target.classes), matrix)
    mean, sd = mean_and_sd(folds.scores)
    return Candidate(name, mean, sd, cost, cost <= max_us_per_row, perf_counter() - start, folds)


def choose(candidates: Sequence[Candidate], domain: Domain, max_us_per_row: float) -> Candidate:
    """The best candidate over folds among those that are fast enough.

    Raises:
        ModelRejectedError: ("cost") no candidate is fast enough.
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
