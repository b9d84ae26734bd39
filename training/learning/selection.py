"""The selection: from training rows to the candidate that wins, with all that is needed to judge it afterwards.

The test rows do not come here. A selection can be written into a folder and read back, so that stages of a pipeline
can stand between files: the winner as skops, checked against our allow-list when it is read, the other candidates as
their figures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from sklearn.pipeline import Pipeline
from skops.io import dump, load

from registry.allow_list import ALLOWED_TYPES, check_types
from registry.folder import MODEL_FILE
from schemas.settings import Settings
from training.data.tables import Table
from training.learning.blending import blend_best, stack, together
from training.learning.candidates import Candidate, SearchRecord, choose, judge_folds, try_pipeline
from training.learning.folding import FoldResult, Split, splits_of
from training.learning.metrics import deciding_metric, is_better
from training.learning.recipes import STACK, Recipe, choose_blends, choose_recipes, first_steps
from training.learning.search import search
from training.learning.threads import one_thread_each
from training.progress import Progress

Found = tuple[dict[str, Any], SearchRecord]
"""What a search found for a recipe, and how it went."""

SELECTION_FILE = "selection.json"
FOLDS_FILE = "folds.npz"


@dataclass(frozen=True, slots=True)
class Selection:
    """Who was tried on the training rows, and who won.

    Attributes:
        learn: the training rows.
        splits: the folds among them on which every candidate was judged, `settings.training.folds` a repetition.
        candidates: all that were tried, in order.
        winner: the one of them that was chosen.
        pipeline: the winner's, fitted on all training rows.
    """

    learn: Table
    splits: tuple[Split, ...] = field(repr=False)
    candidates: tuple[Candidate, ...]
    winner: Candidate
    pipeline: Pipeline = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A candidate, and what made it."""

    candidate: Candidate
    recipe: Recipe
    pipeline: Pipeline


def select(learn: Table, settings: Settings, progress: Progress, models: Sequence[str] = ()) -> Selection:
    """Search, try recipes and blends on the training rows, and choose among them.

    Args:
        learn: the training rows.
        settings: how to train and to search, and what a row may cost.
        progress: is told how far it is.
        models: names of recipes; by default those of the settings, or all that fit.

    Raises:
        ConfigurationError: there is no such recipe.
        ModelRejectedError: ("cost") no model is fast enough.
    """
    names = models or settings.training.models
    recipes = choose_recipes(learn.domain, names)
    splits = splits_of(learn, settings.training)
    found = _search_all(recipes, learn, settings, progress)
    tried: list[_Tried] = []
    for number, recipe in enumerate(recipes, start=1):
        progress(f"{number} of {len(recipes)}: {recipe.name}")
        tried.append(_try_recipe(recipe, found.get(recipe.name), learn, splits, settings))
        _tell(tried[-1].candidate, learn, progress)
    blends = choose_blends(learn.domain, names)
    tried += _try_blends(blends, tried, learn, splits, settings, progress)
    candidates = tuple(one.candidate for one in tried)
    winner = choose(candidates, learn.domain, settings.swap.max_us_per_row)
    pipeline = next(one.pipeline for one in tried if one.candidate is winner)
    return Selection(learn, splits, candidates, winner, pipeline)


def _try_recipe(
    recipe: Recipe, found: Found | None, learn: Table, splits: Sequence[Split], settings: Settings
) -> _Tried:
    """A recipe with what a search found for it, unless it is better as it stands: the folds of a search may mislead."""
    space = recipe.space(learn.domain)
    params, record = found or ({}, None)
    choices = [params] if space is None or not params or params == space.start else [params, dict(space.start)]
    tried = []
    for choice in choices:
        pipeline = recipe.pipeline(learn.domain, settings.training.seed, choice)
        limit, n_jobs = settings.swap.max_us_per_row, settings.training.n_jobs
        one = try_pipeline(recipe.name, pipeline, learn, splits, limit, n_jobs=n_jobs)
        tried.append(_Tried(replace(one, params=choice, search=record), recipe, pipeline))
    return tried[-1] if _is_preferred(tried[-1].candidate, tried[0].candidate, learn) else tried[0]


def _is_preferred(one: Candidate, other: Candidate, learn: Table) -> bool:
    if one.is_affordable != other.is_affordable:
        return one.is_affordable
    return is_better(learn.domain, one.mean, other.mean)


def _search_all(recipes: Sequence[Recipe], learn: Table, settings: Settings, progress: Progress) -> dict[str, Found]:
    """What a search found for each recipe that has a space; several side by side, each with all the time there is."""
    wide = [recipe for recipe in recipes if recipe.space(learn.domain)]
    if not wide or not settings.search.trials:
        return {}
    jobs = min(settings.training.n_jobs or cpu_count(), len(wide))
    seconds = settings.search.seconds * jobs / len(wide)
    with one_thread_each():
        found = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(search)(recipe, learn, settings, seconds, progress) for recipe in wide
        )
    for recipe, (_, record) in zip(wide, found, strict=True):
        why = ", the time was up" if record.is_cut else ""
        progress(f"searched {recipe.name}: {record.trials} trials in {record.seconds:.0f} s{why}")
    return dict(zip((recipe.name for recipe in wide), found, strict=True))


def _try_blends(
    names: Sequence[str],
    tried: Sequence[_Tried],
    learn: Table,
    splits: Sequence[Split],
    settings: Settings,
    progress: Progress,
) -> list[_Tried]:
    """The best blend of what was tried, and the same members with weights that were learnt."""
    limit, seed = settings.swap.max_us_per_row, settings.training.seed
    candidates = {one.candidate.name: one for one in tried}
    best = blend_best([one.candidate for one in tried], learn, splits, limit) if names else None
    if best is None:
        return []
    made: list[_Tried] = []
    for name in names:
        start = perf_counter()
        members = [candidates[member] for member in best.members]
        one = best
        if name == STACK:
            one = stack([member.candidate for member in members], learn, splits, settings.training.folds)
        parts = [
            (member.candidate.name, member.recipe.member(learn.domain, seed, member.candidate.params))
            for member in members
        ]
        pipeline = Pipeline([*first_steps(learn.domain), ("estimate", together(learn.domain, parts, one.weights))])
        candidate = judge_folds(name, pipeline, learn, one.folds, limit, start)
        params = {"members": list(one.members), "weights": list(one.weights)}
        made.append(_Tried(replace(candidate, params=params), members[0].recipe, pipeline))
        progress(f"{name} of {', '.join(one.members)}")
        _tell(made[-1].candidate, learn, progress)
    return made


def _tell(one: Candidate, learn: Table, progress: Progress) -> None:
    metric = deciding_metric(learn.domain)
    progress(f"{one.name}: {metric} {one.mean:.3f} ± {one.sd:.3f}, {one.us_per_row:.1f} µs a row")


def store_selection(selection: Selection, folder: Path) -> None:
    """Write a selection into a folder, which is created; the training rows are not written."""
    folder.mkdir(parents=True, exist_ok=True)
    dump(selection.pipeline, folder / MODEL_FILE)
    figures = [
        {key: getattr(one, key) for key in ("name", "mean", "sd", "us_per_row", "is_affordable", "seconds")}
        | {"params": dict(one.params), "search": asdict(one.search) if one.search else None}
        for one in selection.candidates
    ]
    record = {"winner": selection.winner.name, "candidates": figures}
    (folder / SELECTION_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    np.savez(folder / FOLDS_FILE, allow_pickle=False, **_arrays(selection))


def load_selection(folder: Path, learn: Table) -> Selection:
    """Read back what `store_selection` wrote; `learn` are the training rows that it was made from.

    Raises:
        ModelRejectedError: ("allow_list") the stored winner holds types that are not allowed.
    """
    check_types(folder / MODEL_FILE)
    pipeline = load(folder / MODEL_FILE, trusted=sorted(ALLOWED_TYPES))
    record: dict[str, Any] = json.loads((folder / SELECTION_FILE).read_text(encoding="utf-8"))
    with np.load(folder / FOLDS_FILE, allow_pickle=False) as arrays:
        stored = dict(arrays)
    candidates = tuple(_candidate(figures, _folds_of(stored, n)) for n, figures in enumerate(record["candidates"]))
    winner = next(one for one in candidates if one.name == record["winner"])
    count = sum(name.endswith("/judge") for name in stored)
    splits = tuple((stored[f"split/{number}/learn"], stored[f"split/{number}/judge"]) for number in range(count))
    return Selection(learn, splits, candidates, winner, pipeline)


def _candidate(figures: dict[str, Any], folds: FoldResult) -> Candidate:
    searched = figures.pop("search")
    return Candidate(**figures, folds=folds, search=SearchRecord(**searched) if searched else None)


def _arrays(selection: Selection) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for number, (learn, judge) in enumerate(selection.splits):
        arrays |= {f"split/{number}/learn": learn, f"split/{number}/judge": judge}
    for number, one in enumerate(selection.candidates):
        arrays |= {f"{number}/scores": one.folds.scores, f"{number}/out_of_fold": one.folds.out_of_fold}
        if one.folds.probabilities is not None:
            arrays[f"{number}/probabilities"] = one.folds.probabilities
        arrays |= {f"{number}/answer/{fold}": answer for fold, answer in enumerate(one.folds.answers)}
    return arrays


def _folds_of(stored: dict[str, Any], number: int) -> FoldResult:
    answers = [stored[f"{number}/answer/{fold}"] for fold in range(len(stored[f"{number}/scores"]))]
    return FoldResult(
        stored[f"{number}/scores"],
        stored[f"{number}/out_of_fold"],
        stored.get(f"{number}/probabilities"),
        tuple(answers),
    )
