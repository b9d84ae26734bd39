"""The judging of models: each recipe on the same repeated folds of a whole table.

Nothing is searched here and nothing chosen: what was tuned was tuned on folds of other seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from benchmarks.models import Judgement, ModelStanding, Versus
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
from training.learning.folding import Split, answer_fold, cross_validate, fold_result, splits_of
from training.learning.metrics import deciding_metric, is_better, mean_and_sd, metrics_of

REPEATS = {"housing": 5, "obesity": 2}

Tell = Callable[[str], None]


def judge_domain(domain: str, source: Path | None, tell: Tell) -> Judgement:
    """Judge the recipes for a domain.

    Args:
        domain: housing or obesity.
        source: a file; the built-in table where there is none.
        tell: is told of each recipe.

    Raises:
        DataError: the table cannot be used, or the domain comes without one.
    """
    settings = load_settings(domain=domain)
    table, _ = validate(settings.load_domain(), read_source(settings, source), settings.training)
    return judge(table, CONTENDERS[domain], REPEATS[domain], tell)


def judge(table: Table, contenders: tuple[RecipeContender, ...], repeats: int, tell: Tell) -> Judgement:
    """Judge recipes on five folds of a table, `repeats` times over."""
    settings = TrainingSettings(seed=SEED, repeats=repeats)
    splits = splits_of(table, settings)
    standings = []
    for contender in contenders:
        standings.append(_judge_one(contender, table, splits))
        one = standings[-1]
        tell(f"{table.domain.name}: {one.title}: {one.mean:.4f} ± {one.sd:.4f}, {one.us_per_row:.1f} µs a row")
    return Judgement(
        domain=table.domain.name,
        source=table.source.rpartition("/")[2],
        rows=len(table),
        folds=settings.folds,
        repeats=repeats,
        metric=deciding_metric(table.domain),
        standings=tuple(standings),
        versus=_versus(table, standings, splits),
    )


def _judge_one(contender: RecipeContender, table: Table, splits: tuple[Split, ...]) -> ModelStanding:
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
        macro_f1=_macro_f1(table, splits, folds.answers) if classes else None,
        us_per_row=cost,
        fit_s=fit_s,
        old_split=_old_split(contender, table),
    )


def _macro_f1(table: Table, splits: tuple[Split, ...], answers: tuple[NDArray[np.float64], ...]) -> float:
    names = np.array(table.domain.target.classes)
    return float(
        np.mean(
            [
                metrics_of(table.domain, table.target[judging], names[answer.argmax(axis=1)])["macro_f1"]
                for (_, judging), answer in zip(splits, answers, strict=True)
            ]
        )
    )


def _old_split(contender: RecipeContender, table: Table) -> float:
    learn, judging = train_test_split(np.arange(len(table)), test_size=0.2, random_state=SEED)
    answer = answer_fold(contender.pipeline(table.domain), table, (learn, judging))
    return float(fold_result(table, [(learn, judging)], [answer]).scores[0])


def _versus(table: Table, standings: list[ModelStanding], splits: tuple[Split, ...]) -> Versus:
    ours = next(one for one in standings if one.title == CHOSEN[table.domain.name])
    older = [one for one in standings if not one.is_ours]
    best = older[0]
    for one in older[1:]:
        if is_better(table.domain, one.mean, best.mean):
            best = one
    found = compare(np.array(ours.scores), np.array(best.scores), table.domain, splits)
    return Versus(
        ours=ours.title,
        older=best.title,
        gain=found.gain,
        low=found.low,
        high=found.high,
        naive_low=found.naive_low,
        naive_high=found.naive_high,
        won=found.won,
    )
