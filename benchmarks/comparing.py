"""Comparing recipes: each is scored on the same repeated folds of a whole table.

Parameters are not searched here; those of our recipes were tuned on folds of other seeds.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from benchmarks.models import ModelStanding, RecipeComparison, TableComparison
from benchmarks.recipes import CHOSEN, CONTENDERS, SEED, RecipeContender
from registry.cost import us_per_row
from registry.scorer import score_of
from schemas.rows import RowBuilder
from schemas.sections import TrainingSettings
from schemas.settings import load_settings
from training.data.checking import validate
from training.data.sources import read_source
from training.data.tables import Table
from training.learning.comparison import compare
from training.learning.folding import Split, cross_validate, fold_result, predict_fold, splits_of
from training.learning.metrics import deciding_metric, is_better, mean_and_sd, metrics_of
from training.progress import Progress

REPEATS = {"housing": 5, "obesity": 2}


def compare_on_domain(domain: str, source: Path | None, progress: Progress) -> TableComparison:
    """Compare the recipes for a domain.

    Args:
        domain: housing or obesity.
        source: a file; None for the built-in table.
        progress: called with a line after each recipe.

    Raises:
        DataError: the table cannot be used, or the domain has no built-in one.
    """
    settings = load_settings(domain=domain)
    table, _ = validate(settings.load_domain(), read_source(settings, source), settings.training)
    return compare_recipes(table, CONTENDERS[domain], REPEATS[domain], progress)


def compare_recipes(
    table: Table, contenders: tuple[RecipeContender, ...], repeats: int, progress: Progress
) -> TableComparison:
    """Compare recipes on five folds of a table, repeated `repeats` times."""
    settings = TrainingSettings(seed=SEED, repeats=repeats)
    splits = splits_of(table, settings)
    standings = []
    for contender in contenders:
        standing = _score_recipe(contender, table, splits)
        standings.append(standing)
        figures = f"{standing.mean:.4f} ± {standing.sd:.4f}, {standing.us_per_row:.1f} µs a row"
        progress(f"{table.domain.name}: {standing.title}: {figures}")
    return TableComparison(
        domain=table.domain.name,
        source=table.source.rpartition("/")[2],
        rows=len(table),
        folds=settings.folds,
        repeats=repeats,
        metric=deciding_metric(table.domain),
        standings=tuple(standings),
        versus=_compare_with_older(table, standings, splits),
    )


def _score_recipe(contender: RecipeContender, table: Table, splits: tuple[Split, ...]) -> ModelStanding:
    start = perf_counter()
    folds = cross_validate(contender.pipeline(table.domain), table, splits)
    fit_s = (perf_counter() - start) / len(splits)
    mean, sd = mean_and_sd(folds.scores)
    fitted = contender.pipeline(table.domain).fit(table.frame, table.target)
    classes = table.domain.target.classes
    cost = us_per_row(score_of(fitted, classes), RowBuilder(table.domain).matrix_of_frame(table.frame))
    return ModelStanding(
        title=contender.title,
        is_ours=contender.is_ours,
        scores=tuple(folds.scores.tolist()),
        mean=mean,
        sd=sd,
        macro_f1=_macro_f1(table, splits, folds.predictions) if classes else None,
        us_per_row=cost,
        fit_s=fit_s,
        old_split=_old_split(contender, table),
    )


def _macro_f1(table: Table, splits: tuple[Split, ...], answers: tuple[NDArray[np.float64], ...]) -> float:
    names = np.array(table.domain.target.classes)
    return float(
        np.mean(
            [
                metrics_of(table.domain, table.target[test], names[answer.argmax(axis=1)])["macro_f1"]
                for (_, test), answer in zip(splits, answers, strict=True)
            ]
        )
    )


def _old_split(contender: RecipeContender, table: Table) -> float:
    learn, test = train_test_split(np.arange(len(table)), test_size=0.2, random_state=SEED)
    answer = predict_fold(contender.pipeline(table.domain), table, (learn, test))
    return float(fold_result(table, [(learn, test)], [answer]).scores[0])


def _compare_with_older(table: Table, standings: list[ModelStanding], splits: tuple[Split, ...]) -> RecipeComparison:
    ours = next(standing for standing in standings if standing.title == CHOSEN[table.domain.name])
    best, *others = (standing for standing in standings if not standing.is_ours)
    for standing in others:
        if is_better(table.domain, standing.mean, best.mean):
            best = standing
    comparison = compare(np.array(ours.scores), np.array(best.scores), table.domain, splits)
    return RecipeComparison(ours=ours.title, older=best.title, **asdict(comparison))
