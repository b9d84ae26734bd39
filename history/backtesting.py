"""Answers how often to retrain: refits at the starts of periods, their errors by age, and the policy beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from history.ages import AgeError, errors_by_age, mean_excess
from history.dated_table import DatedTable
from history.pool import run_here, run_in_processes
from history.refits import FEWEST_LEARNED, FEWEST_TESTED, RefitLosses, RefitTask, refit
from schemas.errors import DataError
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings
from training.learning.metrics import deciding_metric, is_higher_better
from training.learning.own_recipes import load_recipes
from training.learning.recipes import choose_recipes

MODEL = "xgboost-reference"
"""The recipe by default: it fits numbers and classes, and is fast."""
PERIODS, FEWEST_PERIODS, MOST_PERIODS = 16, 8, 200
LEARNED_SHARE = 0.25
"""Of the periods, the first of which are only learned from."""
FROM_ROWS = 500_000
"""Rows over all fits from which processes of their own pay."""


class RetrainAdvice(FrozenModel):
    """How often to retrain, and what the policy of the settings does.

    Attributes:
        least_gain: share by which a new model must be better to count (`gate.min_gain`).
        every_s: age from which models are worse than new ones by that; None if there is no such age.
        seen_until_s: the largest age for which there is an interval.
        policy_age_s: age at which the policy retrains (`loop.max_age_s`).
        policy_excess: mean excess of models that are replaced at that age; None if they are replaced within a period,
            or later than these rows can say.
        policy_gain: excess at which the policy retrains earlier (`loop.max_error_gain`).
        policy_gain_at_s: the first age with that excess; None if there is none.
    """

    least_gain: float
    every_s: float | None
    seen_until_s: float
    policy_age_s: float
    policy_excess: float | None
    policy_gain: float
    policy_gain_at_s: float | None


class BacktestReport(FrozenModel):
    """What a backtest found.

    Attributes:
        source: of the rows.
        rows: number of them.
        since: the time of the first row.
        until: that of the last.
        model: name of the recipe that was fitted again and again.
        error: what `AgeError.error` is: a metric, or 1 - a metric of which more is better.
        period_s: length of a period.
        window_s: age up to which rows were learned from; None for all.
        refits: number of models that could be fitted and tested.
        ages: by age.
        advice: how often to retrain.
    """

    source: str
    rows: int
    since: datetime
    until: datetime
    model: str
    error: str
    period_s: float
    window_s: float | None
    refits: int
    ages: tuple[AgeError, ...]
    advice: RetrainAdvice


def backtest(
    settings: Settings,
    dated: DatedTable,
    model: str = MODEL,
    period_s: float | None = None,
    window_s: float | None = None,
    workers: int = 0,
    on_refit: Callable[[int, int], object] = lambda *_: None,
) -> BacktestReport:
    """Fit a model at the start of each period, and test it on that period and all later ones.

    Args:
        settings: of the domain.
        dated: the rows.
        model: name of a recipe.
        period_s: length of a period in s; by default the whole time is cut into about `PERIODS`.
        window_s: age up to which rows are learned from, in s; None for all.
        workers: processes of this machine; 0 for one each core from `FROM_ROWS` rows on, and none below.
        on_refit: called with the number of models that are done, and that of all.

    Raises:
        ConfigurationError: there is no such recipe.
        DataError: the rows are too few or span too little time, or the recipe cannot be fitted on them.
    """
    metric = deciding_metric(dated.table.domain, settings.training)
    choose_recipes(dated.table.domain, [model], load_recipes(settings.training.recipes))
    edges = _edges(dated.times, period_s)
    count = len(edges) - 1
    first = max(1, int(LEARNED_SHARE * count))
    losses = np.full((count, count), np.nan)
    with TemporaryDirectory() as name:
        dated.store(Path(name))
        tasks = [
            RefitTask(settings, model, metric, Path(name), period, edges, window_s) for period in range(first, count)
        ]
        for done, result in enumerate(_run(tasks, len(dated.table), workers), start=1):
            losses[result.period] = result.losses
            on_refit(done, len(tasks))
    ages = errors_by_age(losses[first:, first:])
    if len(ages) < 2 or ages[1].low is None:  # noqa: PLR2004
        raise DataError(
            f"too few models could be fitted and tested to compare ages: a model needs {FEWEST_LEARNED} known "
            f"labels, and a period {FEWEST_TESTED} rows; choose a longer --period or --window"
        )
    length_s = float((edges[1] - edges[0]) / np.timedelta64(1, "s"))
    return BacktestReport(
        source=dated.table.source,
        rows=len(dated.table),
        since=_moment(dated.times[0]),
        until=_moment(dated.times[-1]),
        model=model,
        error=f"1 - {metric}" if is_higher_better(metric) else metric,
        period_s=length_s,
        window_s=window_s,
        refits=int(np.isfinite(losses).any(axis=1).sum()),
        ages=ages,
        advice=advise(settings, ages, length_s),
    )


def advise(settings: Settings, ages: tuple[AgeError, ...], period_s: float) -> RetrainAdvice:
    """How often to retrain, by the errors of ages in periods of a length."""
    worse = [each.age for each in ages if each.is_worse(settings.gate.min_gain)]
    loop = settings.loop
    far = [each.age for each in ages if each.excess is not None and each.excess >= loop.max_error_gain]
    return RetrainAdvice(
        least_gain=settings.gate.min_gain,
        every_s=min(worse) * period_s if worse else None,
        seen_until_s=max((each.age for each in ages if each.low is not None), default=0) * period_s,
        policy_age_s=loop.max_age_s,
        policy_excess=mean_excess(ages, int(loop.max_age_s // period_s)),
        policy_gain=loop.max_error_gain,
        policy_gain_at_s=min(far) * period_s if far else None,
    )


def _edges(times: NDArray[np.datetime64], period_s: float | None) -> NDArray[np.datetime64]:
    """Edges of periods of one length, of which the last one ends at or after the last row.

    Raises:
        DataError: there would be too few periods, or too many.
    """
    span_ns = int((times[-1] - times[0]) / np.timedelta64(1, "ns")) + 1
    length_ns = int((period_s or _default_period_s(span_ns / 1e9)) * 1e9)
    count = math.ceil(span_ns / max(length_ns, 1))
    if not FEWEST_PERIODS <= count <= MOST_PERIODS:
        raise DataError(
            f"the rows span {span_ns / 86_400e9:.3g} days, which are {count} periods: choose a --period that gives "
            f"{FEWEST_PERIODS} to {MOST_PERIODS}"
        )
    starts: NDArray[np.datetime64] = times[0] + np.arange(count + 1) * np.timedelta64(length_ns, "ns")
    return starts


def _default_period_s(span_s: float) -> int:
    """About a sixteenth of a time, in whole days, hours or seconds."""
    unit = next((each for each in (86_400, 3600) if span_s / PERIODS >= each), 1)
    return unit * math.ceil(span_s / PERIODS / unit)


def _moment(time: np.datetime64) -> datetime:
    seconds = float((time - np.datetime64(0, "s")) / np.timedelta64(1, "s"))
    return datetime.fromtimestamp(seconds, UTC)


def _run(tasks: Sequence[RefitTask], rows: int, workers: int) -> Iterator[RefitLosses]:
    if not workers and rows * len(tasks) >= FROM_ROWS:
        workers = cpu_count()
    return run_in_processes(refit, tasks, workers) if workers else run_here(refit, tasks)
