"""The selection of the best candidate: searches, recipes and blends, all evaluated on the same folds.

It uses only the training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from joblib import Parallel, cpu_count, delayed
from sklearn.pipeline import Pipeline

from schemas.settings import Settings
from training.data.tables import Table
from training.learning.blending import blend_best, make_voting_estimator, stack
from training.learning.candidates import Candidate, SearchRecord, choose, fit_candidate, try_pipeline
from training.learning.folding import Split, splits_of
from training.learning.metrics import deciding_metric, is_better
from training.learning.recipes import STACK, Recipe, choose_blends, choose_recipes, first_steps
from training.learning.search import search
from training.learning.threads import one_thread_each
from training.progress import Progress

SearchResult = tuple[dict[str, Any], SearchRecord]
"""The best parameters that a search has found, and figures of the search."""


@dataclass(frozen=True, slots=True)
class Selection:
    """All candidates of a training, and the winner.

    Attributes:
        train: the training rows.
        splits: the folds on which every candidate was evaluated, `settings.training.folds` in each repetition.
        candidates: in the order of their evaluation.
        winner: the best of the candidates.
        pipeline: the winner's, fitted on all training rows.
    """

    train: Table
    splits: tuple[Split, ...] = field(repr=False)
    candidates: tuple[Candidate, ...]
    winner: Candidate
    pipeline: Pipeline = field(repr=False)


@dataclass(frozen=True, slots=True)
class _FittedCandidate:
    """A candidate with its recipe and its fitted pipeline; for a blend, the recipe of its first member."""

    candidate: Candidate
    recipe: Recipe
    pipeline: Pipeline


def select(train: Table, settings: Settings, progress: Progress, models: Sequence[str] = ()) -> Selection:
    """Search parameters, evaluate recipes and blends on the training rows, and choose the best.

    Args:
        train: the training rows.
        settings: of training and search, and the limit on the cost of a row.
        progress: called with messages about the progress.
        models: names of recipes; by default those in the settings, or all that fit.

    Raises:
        ConfigurationError: a recipe does not exist.
        ModelRejectedError: ("cost") no model is fast enough.
    """
    names = models or settings.training.models
    recipes = choose_recipes(train.domain, names)
    splits = splits_of(train, settings.training)
    results = _search_all(recipes, train, settings, progress)
    fitted: list[_FittedCandidate] = []
    for number, recipe in enumerate(recipes, start=1):
        progress(f"{number} of {len(recipes)}: {recipe.name}")
        fitted.append(_try_recipe(recipe, results.get(recipe.name), train, splits, settings))
        _report_candidate(fitted[-1].candidate, train, progress)
    blends = choose_blends(train.domain, names)
    fitted += _try_blends(blends, fitted, train, splits, settings, progress)
    candidates = tuple(each.candidate for each in fitted)
    winner = choose(candidates, train.domain, settings.swap.max_us_per_row)
    pipeline = next(each.pipeline for each in fitted if each.candidate is winner)
    return Selection(train, splits, candidates, winner, pipeline)


def _try_recipe(
    recipe: Recipe, result: SearchResult | None, train: Table, splits: Sequence[Split], settings: Settings
) -> _FittedCandidate:
    """Fit a recipe with the parameters of a search, and with its own; the better one on the candidates' folds wins."""
    space = recipe.space(train.domain)
    params, record = result or ({}, None)
    choices = [params] if space is None or not params or params == space.start else [params, dict(space.start)]
    fitted = []
    for choice in choices:
        pipeline = recipe.pipeline(train.domain, settings.training.seed, choice)
        limit, n_jobs = settings.swap.max_us_per_row, settings.training.n_jobs
        candidate = try_pipeline(recipe.name, pipeline, train, splits, limit, n_jobs=n_jobs)
        fitted.append(_FittedCandidate(replace(candidate, params=choice, search=record), recipe, pipeline))
    return fitted[-1] if _is_preferred(fitted[-1].candidate, fitted[0].candidate, train) else fitted[0]


def _is_preferred(candidate: Candidate, other: Candidate, train: Table) -> bool:
    if candidate.is_affordable != other.is_affordable:
        return candidate.is_affordable
    return is_better(train.domain, candidate.mean, other.mean)


def _search_all(
    recipes: Sequence[Recipe], train: Table, settings: Settings, progress: Progress
) -> dict[str, SearchResult]:
    """Search the parameters of each recipe with a search space, in parallel, within the time limit for all."""
    searched = [recipe for recipe in recipes if recipe.space(train.domain)]
    if not searched or not settings.search.trials:
        return {}
    jobs = min(settings.training.n_jobs or cpu_count(), len(searched))
    seconds = settings.search.seconds * jobs / len(searched)
    with one_thread_each():
        results = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(search)(recipe, train, settings, seconds, progress) for recipe in searched
        )
    for recipe, (_, record) in zip(searched, results, strict=True):
        suffix = ", stopped at the time limit" if record.is_cut else ""
        progress(f"searched {recipe.name}: {record.trials} trials in {record.seconds:.0f} s{suffix}")
    return dict(zip((recipe.name for recipe in searched), results, strict=True))


def _try_blends(
    names: Sequence[str],
    fitted: Sequence[_FittedCandidate],
    train: Table,
    splits: Sequence[Split],
    settings: Settings,
    progress: Progress,
) -> list[_FittedCandidate]:
    limit, seed = settings.swap.max_us_per_row, settings.training.seed
    by_name = {each.candidate.name: each for each in fitted}
    best = blend_best([each.candidate for each in fitted], train, splits, limit) if names else None
    if best is None:
        return []
    blends: list[_FittedCandidate] = []
    for name in names:
        start = perf_counter()
        members = [by_name[member] for member in best.members]
        blend = best
        if name == STACK:
            blend = stack([member.candidate for member in members], train, splits, settings.training.folds)
        estimators = [
            (member.candidate.name, member.recipe.member(train.domain, seed, member.candidate.params))
            for member in members
        ]
        voting = make_voting_estimator(train.domain, estimators, blend.weights)
        pipeline = Pipeline([*first_steps(train.domain), ("estimate", voting)])
        candidate = fit_candidate(name, pipeline, train, blend.folds, limit, start)
        params = {"members": list(blend.members), "weights": list(blend.weights)}
        blends.append(_FittedCandidate(replace(candidate, params=params), members[0].recipe, pipeline))
        progress(f"{name} of {', '.join(blend.members)}")
        _report_candidate(blends[-1].candidate, train, progress)
    return blends


def _report_candidate(candidate: Candidate, train: Table, progress: Progress) -> None:
    metric = deciding_metric(train.domain)
    progress(
        f"{candidate.name}: {metric} {candidate.mean:.3f} ± {candidate.sd:.3f}, {candidate.us_per_row:.1f} µs a row"
    )
