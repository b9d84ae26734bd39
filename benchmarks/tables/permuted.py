"""Tables whose target is permuted: nothing can be learned from them, so the gate must refuse every model."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.tables.folds import SEED
from benchmarks.tables.panel import PanelTable
from benchmarks.tables.preparing import prepare
from schemas.errors import ModelRejectedError
from schemas.frozen_model import FrozenModel
from training.progress import Progress
from training.quick import quick_settings
from training.run import train

PERMUTED = ("diabetes", "slid", "breast-cancer", "digits", "caravan")
"""Numbers with and without gaps, two classes and ten, and a class of 7 %; all are for development."""


class PermutedOutcome(FrozenModel):
    """What became of one table with a permuted target.

    Attributes:
        table: of the panel.
        is_refused: whether the gate refused the model, or training found none to judge.
        reasons: of the checks that failed, by name.
        seconds: that the training took.
    """

    table: str
    is_refused: bool
    reasons: dict[str, str]
    seconds: float


def train_permuted(panel: PanelTable, file: Path, folder: Path, progress: Progress) -> PermutedOutcome:
    """Train on a table with a permuted target as `tasador train --quick` does, with a registry of its own.

    Args:
        panel: the table's entry.
        file: the table.
        folder: a workspace.
        progress: called with messages about the training.

    Raises:
        DataError: the table cannot be read, or its domain cannot be drafted.
    """
    permuted = folder / f"{panel.name}-permuted.csv"
    permute(file, panel.target, permuted)
    entry = replace(panel, name=f"{panel.name}-permuted")
    prepared = prepare(entry, permuted, folder, folder / "homes" / panel.name)
    try:
        result = train(quick_settings(prepared.settings), progress=progress)
    except ModelRejectedError as error:
        return PermutedOutcome(table=panel.name, is_refused=True, reasons={error.check: str(error)}, seconds=0.0)
    failed = result.gate.failed if result.gate else ()
    return PermutedOutcome(
        table=panel.name,
        is_refused=not result.is_champion,
        reasons={check.name: check.reason for check in failed},
        seconds=round(result.seconds, 1),
    )


def permute(file: Path, target: str, output: Path) -> None:
    """Write a CSV file again with the cells of one column in another order; everything else stays."""
    with file.open(newline="", encoding="utf-8-sig") as source:
        head, *rows = csv.reader(source)
    column = head.index(target)
    order = np.random.default_rng(SEED).permutation(len(rows))
    cells = [rows[row][column] for row in order]
    with output.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(head)
        writer.writerows([*row[:column], cell, *row[column + 1 :]] for row, cell in zip(rows, cells, strict=True))
