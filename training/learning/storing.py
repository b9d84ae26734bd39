"""Stores a selection in a folder between two stages: the winner as skops, all candidates as figures and arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from skops.io import dump, load

from registry.allow_list import allowed_types, check_types
from registry.folder import MODEL_FILE
from schemas.classes import ClassThreshold
from training.data.tables import Table
from training.learning.candidates import Candidate
from training.learning.folding import FoldResult
from training.learning.plan import TrainingPlan
from training.learning.selection import Selection

SELECTION_FILE = "selection.json"
FOLDS_FILE = "folds.npz"


def store_selection(selection: Selection, folder: Path) -> None:
    """Write a selection, without its training rows, into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    dump(selection.pipeline, folder / MODEL_FILE)
    figures = [candidate.figures() for candidate in selection.candidates]
    record = {
        "metric": selection.metric,
        "winner": selection.winner.name,
        "candidates": figures,
        "plan": selection.plan.figures(),
        "spent": selection.spent,
        "stopped_after": selection.stopped_after,
        "threshold": None if selection.threshold is None else selection.threshold.model_dump(),
        "coverage": selection.coverage,
    }
    (folder / SELECTION_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    np.savez(folder / FOLDS_FILE, allow_pickle=False, **_arrays(selection))


def load_selection(folder: Path, train: Table) -> Selection:
    """Read what `store_selection` wrote; `train` are the selection's training rows.

    Raises:
        ModelRejectedError: ("allow_list") the stored winner contains types that are not allowed.
    """
    check_types(folder / MODEL_FILE)
    pipeline = load(folder / MODEL_FILE, trusted=allowed_types())
    record: dict[str, Any] = json.loads((folder / SELECTION_FILE).read_text(encoding="utf-8"))
    with np.load(folder / FOLDS_FILE, allow_pickle=False) as arrays:
        stored = dict(arrays)
    candidates = tuple(_candidate(figures, _folds_of(stored, n)) for n, figures in enumerate(record["candidates"]))
    winner = next(candidate for candidate in candidates if candidate.name == record["winner"])
    count = sum(name.endswith("/judge") for name in stored)
    splits = tuple((stored[f"split/{number}/learn"], stored[f"split/{number}/judge"]) for number in range(count))
    plan = msgspec.convert(record["plan"], TrainingPlan)
    return Selection(
        train,
        record["metric"],
        splits,
        candidates,
        winner,
        pipeline,
        plan,
        record["spent"],
        record["stopped_after"],
        None if record["threshold"] is None else ClassThreshold(**record["threshold"]),
        record["coverage"],
    )


def _candidate(figures: dict[str, Any], folds: FoldResult) -> Candidate:
    return Candidate(**figures, folds=folds)


def _arrays(selection: Selection) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for number, (train, validation) in enumerate(selection.splits):
        arrays |= {f"split/{number}/learn": train, f"split/{number}/judge": validation}
    for number, folds in enumerate(candidate.folds for candidate in selection.candidates):
        arrays |= {f"{number}/scores": folds.scores, f"{number}/out_of_fold": folds.out_of_fold}
        if folds.probabilities is not None:
            arrays[f"{number}/probabilities"] = folds.probabilities
        arrays |= {f"{number}/answer/{fold}": predicted for fold, predicted in enumerate(folds.predictions)}
    return arrays


def _folds_of(stored: dict[str, Any], number: int) -> FoldResult:
    predictions = [stored[f"{number}/answer/{fold}"] for fold in range(len(stored[f"{number}/scores"]))]
    return FoldResult(
        stored[f"{number}/scores"],
        stored[f"{number}/out_of_fold"],
        stored.get(f"{number}/probabilities"),
        tuple(predictions),
    )
