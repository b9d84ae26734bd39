"""The selection: from training rows to the candidate that wins, with all that is needed to judge it afterwards.

The test rows do not come here. A selection can be written into a folder and read back, so that stages of a pipeline
can stand between files: the winner as skops, checked against our allow-list when it is read, the other candidates as
their figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from skops.io import dump, load

from registry.allow_list import ALLOWED_TYPES, check_types
from registry.folder import MODEL_FILE
from schemas.settings import Settings
from training.data.tables import Table
from training.learning.candidates import Candidate, choose, try_pipeline
from training.learning.folding import FoldResult, Split, splits_of
from training.learning.metrics import deciding_metric
from training.learning.recipes import choose_recipes

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Progress = Callable[[str], None]
"""Is told, in a sentence, how far something is."""

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


def select(learn: Table, settings: Settings, progress: Progress, models: Sequence[str] = ()) -> Selection:
    """Try recipes on the training rows and choose among them.

    Args:
        learn: the training rows.
        settings: how to train, and what a row may cost.
        progress: is told how far it is.
        models: names of recipes; by default those of the settings, or all that fit.

    Raises:
        ConfigurationError: there is no such recipe.
        ModelRejectedError: ("cost") no model is fast enough.
    """
    recipes = choose_recipes(learn.domain, models or settings.training.models)
    splits = splits_of(learn, settings.training)
    metric = deciding_metric(learn.domain)
    limit = settings.swap.max_us_per_row
    tried: dict[str, tuple[Candidate, Pipeline]] = {}
    for number, recipe in enumerate(recipes, start=1):
        progress(f"{number} of {len(recipes)}: {recipe.name}")
        pipeline = recipe.pipeline(learn.domain, settings.training.seed)
        one = try_pipeline(recipe.name, pipeline, learn, splits, limit)
        progress(f"{one.name}: {metric} {one.mean:.3f} ± {one.sd:.3f}, {one.us_per_row:.1f} µs a row")
        tried[one.name] = one, pipeline
    candidates = tuple(one for one, _ in tried.values())
    winner = choose(candidates, learn.domain, limit)
    return Selection(learn, splits, candidates, winner, tried[winner.name][1])


def store_selection(selection: Selection, folder: Path) -> None:
    """Write a selection into a folder, which is created; the training rows are not written."""
    folder.mkdir(parents=True, exist_ok=True)
    dump(selection.pipeline, folder / MODEL_FILE)
    figures = [
        {key: getattr(one, key) for key in ("name", "mean", "sd", "us_per_row", "is_affordable", "seconds")}
        | {"params": dict(one.params)}
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
    candidates = tuple(
        Candidate(folds=_folds_of(stored, number), **figures) for number, figures in enumerate(record["candidates"])
    )
    winner = next(one for one in candidates if one.name == record["winner"])
    count = sum(name.endswith("/judge") for name in stored)
    splits = tuple((stored[f"split/{number}/learn"], stored[f"split/{number}/judge"]) for number in range(count))
    return Selection(learn, splits, candidates, winner, pipeline)


def _arrays(selection: Selection) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for number, (learn, judge) in enumerate(selection.splits):
        arrays |= {f"split/{number}/learn": learn, f"split/{number}/judge": judge}
    for number, one in enumerate(selection.candidates):
        arrays |= {f"{number}/scores": one.folds.scores, f"{number}/out_of_fold": one.folds.out_of_fold}
        if one.folds.probabilities is not None:
            arrays[f"{number}/probabilities"] = one.folds.probabilities
    return arrays


def _folds_of(stored: dict[str, Any], number: int) -> FoldResult:
    return FoldResult(
        stored[f"{number}/scores"], stored[f"{number}/out_of_fold"], stored.get(f"{number}/probabilities")
    )
