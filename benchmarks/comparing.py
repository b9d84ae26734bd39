"""Comparing a training with older recipes: each is scored on the same repeated folds of a whole table.

Our training runs anew on each fold's training rows, with all that it compares and chooses; an older recipe is fitted on
them. So no choice of ours has seen the rows that score it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from benchmarks.models import ModelStanding, RecipeComparison, TableComparison
from benchmarks.recipes import CONTENDERS, SEED, RecipeContender
from registry.cost import us_per_row
from registry.scorer import score_of
from schemas.rows import RowBuilder
from schemas.sections import TrainingSettings
from schemas.settings import Settings, load_settings
from training.data.checking import validate
from training.data.sources import read_source
from training.data.tables import Table
from training.learning.comparison import compare
from training.learning.folding import FoldResult, Split, fold_result, splits_of
from training.learning.metrics import is_better, mean_and_sd, metrics_of
from training.learning.selection import select
from training.progress import Progress, discard_progress

REPEATS = {"housing": 5, "obesity": 2}
OURS = "tasador"
METRICS = {"regression": "rmse", "classification": "accuracy"}
"""The metric of the goals by task; our training chooses by its own metric, as it does by default."""

_Fit = Callable[[Table], Pipeline]


@dataclass(frozen=True, slots=True)
class _Entrant:
    """One of those compared: a title, and a function that fits on training rows."""

    title: str
    fit: _Fit
    is_ours: bool = False


def compare_on_domain(domain: str, source: Path | None, seconds: float, progress: Progress) -> TableComparison:
    """Compare our training with the older recipes for a domain.

    Args:
        domain: housing or obesity.
        source: a file; None for the built-in table.
        seconds: budget of our training on each fold.
        progress: called with a line after each contender.

    Raises:
        DataError: the table cannot be used, or the domain has no built-in one.
    """
    settings = load_settings(domain=domain)
    table, _ = validate(settings.load_domain(), read_source(settings, source), settings.training)
    return compare_recipes(table, CONTENDERS[domain], REPEATS[domain], with_budget(settings, seconds), progress)


def with_budget(settings: Settings, seconds: float) -> Settings:
    """The settings of our training on a fold."""
    training = settings.training.model_copy(update={"seconds": seconds, "seed": SEED, "report": "figures"})
    return settings.model_copy(update={"training": training})


def compare_recipes(
    table: Table, contenders: Sequence[RecipeContender], repeats: int, settings: Settings, progress: Progress
) -> TableComparison:
    """Compare recipes and our training on five folds of a table, repeated `repeats` times."""
    folding = TrainingSettings(seed=SEED, repeats=repeats)
    splits, metric = splits_of(table, folding), METRICS[table.domain.task]
    entrants = [_Entrant(each.title, _fit_by(each)) for each in contenders]
    ours = _Entrant(OURS, lambda rows: select(rows, settings, discard_progress).pipeline, is_ours=True)
    standings = []
    for entrant in (*entrants, ours):
        standing = _standing_of(entrant, table, metric, splits)
        standings.append(standing)
        figures = f"{standing.mean:.4f} ± {standing.sd:.4f}, {standing.us_per_row:.1f} µs a row"
        progress(f"{table.domain.name}: {standing.title}: {figures}")
    return TableComparison(
        domain=table.domain.name,
        source=table.source.rpartition("/")[2],
        rows=len(table),
        folds=folding.folds,
        repeats=repeats,
        metric=metric,
        seconds=settings.training.seconds,
        standings=tuple(standings),
        versus=_compare_with_older(standings, metric, splits),
    )


def _fit_by(contender: RecipeContender) -> _Fit:
    return lambda rows: clone(contender.pipeline(rows.domain)).fit(rows.frame, rows.target)


def _standing_of(entrant: _Entrant, table: Table, metric: str, splits: Sequence[Split]) -> ModelStanding:
    start = perf_counter()
    fitted = [entrant.fit(table.take(train)) for train, _ in splits]
    fit_s = (perf_counter() - start) / len(splits)
    predictions = [_predict(each, table, test) for each, (_, test) in zip(fitted, splits, strict=True)]
    folds = fold_result(table, splits, metric, predictions)
    mean, sd = mean_and_sd(folds.scores)
    return ModelStanding(
        title=entrant.title,
        is_ours=entrant.is_ours,
        scores=tuple(folds.scores.tolist()),
        mean=mean,
        sd=sd,
        macro_f1=_macro_f1(table, splits, folds) if table.domain.target.classes else None,
        us_per_row=max(_cost(each, table) for each in fitted[: len(fitted) if entrant.is_ours else 1]),
        fit_s=fit_s,
        old_split=_old_split(entrant, table, metric),
    )


def _cost(pipeline: Pipeline, table: Table) -> float:
    score = score_of(pipeline, table.domain.target.classes)
    return us_per_row(score, RowBuilder(table.domain).matrix_of_frame(table.frame))


def _predict(pipeline: Pipeline, table: Table, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    score = score_of(pipeline, table.domain.target.classes)
    return score(RowBuilder(table.domain).matrix_of_frame(table.frame.iloc[rows]))


def _macro_f1(table: Table, splits: Sequence[Split], folds: FoldResult) -> float:
    names = np.array(table.domain.target.classes)
    return float(
        np.mean(
            [
                metrics_of(table.domain, table.target[test], names[predicted.argmax(axis=1)])["macro_f1"]
                for (_, test), predicted in zip(splits, folds.predictions, strict=True)
            ]
        )
    )


def _old_split(entrant: _Entrant, table: Table, metric: str) -> float:
    train, test = train_test_split(np.arange(len(table)), test_size=0.2, random_state=SEED)
    predicted = _predict(entrant.fit(table.take(train)), table, test)
    return float(fold_result(table, [(train, test)], metric, [predicted]).scores[0])


def _compare_with_older(standings: Sequence[ModelStanding], metric: str, splits: Sequence[Split]) -> RecipeComparison:
    ours = next(standing for standing in standings if standing.is_ours)
    best, *others = (standing for standing in standings if not standing.is_ours)
    for standing in others:
        if is_better(metric, standing.mean, best.mean):
            best = standing
    comparison = asdict(compare(np.array(ours.scores), np.array(best.scores), metric, splits))
    return RecipeComparison(ours=ours.title, older=best.title, **comparison)
