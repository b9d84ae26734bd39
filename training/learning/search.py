"""The search for a recipe's parameters with Optuna, within a budget, on other folds than those of the candidates.

A trial runs fold by fold, and is pruned when it is worse than the median of the other trials. Trials are stored in an
SQLite file in the home folder, named by data, parameters and libraries: an interrupted search continues, and a finished
one is not repeated. Trials run one after another with one seed, so the same search gives the same result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.card import library_versions
from registry.location import sqlite_uri_of
from schemas.settings import Settings
from training.data.tables import Table
from training.learning.candidates import SearchRecord
from training.learning.folding import Split, predict_fold, score_fold, splits_of
from training.learning.recipes import Recipe
from training.progress import Progress, ProgressStep

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

SEARCHES_FOLDER = "searches"
STARTUP_TRIALS = 6
"""Number of random trials before the sampler learns from them, and before a trial can be pruned."""


def search(
    recipe: Recipe, table: Table, settings: Settings, seconds: float, progress: Progress
) -> tuple[dict[str, Any], SearchRecord]:
    """Search a recipe's parameters on the training rows.

    Args:
        recipe: with a search space for the table's task.
        table: the training rows.
        settings: number of trials, seed, and home folder.
        seconds: time limit for starting trials; the first trial, of the recipe's own parameters, always runs.
        progress: called with messages about the progress.

    Returns:
        The best parameters, and figures of the search.
    """
    with _opened_study(recipe, table, settings) as study:
        return _search(study, recipe, table, settings, seconds, progress)


def _search(
    study: Study, recipe: Recipe, table: Table, settings: Settings, seconds: float, progress: Progress
) -> tuple[dict[str, Any], SearchRecord]:
    from optuna.samplers import TPESampler

    start = perf_counter()
    # other folds than the candidates', which would favour parameters that fit their folds by chance
    splits = splits_of(table, settings.training.model_copy(update={"seed": settings.training.seed + 1, "repeats": 1}))
    budget = settings.search.trials
    while (count := len(_done(study))) < budget and (not count or perf_counter() - start < seconds):
        # a new sampler for each trial, so that an interrupted search continues with the same trials
        study.sampler = TPESampler(seed=settings.training.seed + count, n_startup_trials=STARTUP_TRIALS)
        study.optimize(lambda trial: _score(trial, recipe, table, splits, settings.training.seed), n_trials=1)
        progress(ProgressStep(f"searching {recipe.name}", count + 1, budget, f", best {study.best_value:.4g}"))
    done = _done(study)
    pruned = sum(trial.state.name == "PRUNED" for trial in done)
    return study.best_params, SearchRecord(
        len(done), pruned, study.best_value, perf_counter() - start, is_cut=len(done) < budget
    )


def _done(study: Study) -> list[FrozenTrial]:
    """Completed and pruned trials; enqueued and interrupted ones do not count for the budget."""
    return [trial for trial in study.trials if trial.state.name in {"COMPLETE", "PRUNED"}]


@contextmanager
def _opened_study(recipe: Recipe, table: Table, settings: Settings) -> Iterator[Study]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = f"{table.domain.name}-{recipe.name}-{_key(table, settings)}"
    folder = settings.home.absolute() / SEARCHES_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    space = recipe.space(table.domain)
    assert space is not None  # noqa: S101 - the caller passes recipes that have one
    storage = optuna.storages.RDBStorage(sqlite_uri_of(folder / f"{name}.db"))
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            direction="maximize" if table.domain.target.classes else "minimize",
        )
        # an interrupted search leaves a trial that is marked as running
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if not any(trial.state.name in {"COMPLETE", "WAITING"} for trial in study.trials):
            study.enqueue_trial(dict(space.start))
        yield study
    finally:
        # Optuna does not close its connections, and Python 3.13 warns about each
        storage.remove_session()
        storage.engine.dispose()


def _key(table: Table, settings: Settings) -> str:
    training = settings.training.model_dump(mode="json", include={"seed", "folds"})
    inputs = [table.sha256(), training, library_versions()]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]


def _score(trial: Trial, recipe: Recipe, table: Table, splits: Sequence[Split], seed: int) -> float:
    """The mean of the deciding metric over folds; a trial that falls behind is pruned."""
    from optuna import TrialPruned

    space = recipe.space(table.domain)
    assert space is not None  # noqa: S101 - as in `_opened_study`
    pipeline = recipe.pipeline(table.domain, seed, space.suggest(trial))
    scores: list[float] = []
    for number, split in enumerate(splits):
        scores.append(score_fold(table, split, predict_fold(pipeline, table, split)))
        trial.report(float(np.mean(scores)), number)
        if _is_behind(trial, float(np.mean(scores)), number):
            raise TrialPruned
    return float(np.mean(scores))


def _is_behind(trial: Trial, mean: float, fold: int) -> bool:
    """Whether the mean so far is worse than the median of the other trials after the same fold.

    Optuna's own pruner compares the best value that a trial has reported, which stays good after one easy fold.
    """
    others = [each.intermediate_values[fold] for each in _done(trial.study) if fold in each.intermediate_values]
    if fold == 0 or len(others) < STARTUP_TRIALS:
        return False
    median = float(np.median(others))
    return mean < median if trial.study.direction.name == "MAXIMIZE" else mean > median
