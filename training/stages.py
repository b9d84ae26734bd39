"""The stages of a training, with files between them: what `tasador stage` runs, and `dvc repro` through it.

They are the functions of a training run and of a notebook (``from training import ingest, validate, ...``). Here each
reads what the one before has left in a folder, and leaves what the next one needs. Registering is not among them: a
version is made by `tasador train`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import DataError
from schemas.settings import Settings
from training.data.folders import load_raw, load_table, store_raw, store_table
from training.progress import Progress

if TYPE_CHECKING:
    from training.data.tables import Table
    from training.learning.selection import Selection

FOLDER = "stages"
QUALITY_FILE = "quality.json"


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage works with.

    Attributes:
        settings: which domain, and how to train.
        folder: where the stages of this domain leave their files.
        progress: is told how far a stage is.
    """

    settings: Settings
    folder: Path
    progress: Progress


def run_stage(name: str, desk: StageContext) -> None:
    """Run one stage.

    Raises:
        DataError: the data cannot be used, or the stage before has not left its files.
        ModelRejectedError: no model is fast enough, or a stored one holds types that are not allowed.
    """
    for needed in _READS[name]:
        if not (desk.folder / needed).exists():
            raise DataError(f"{desk.folder / needed} is not there: run the stages in order, or `dvc repro`")
    STAGES[name](desk)


def _ingest(desk: StageContext) -> None:
    from training.data.sources import ingest

    raw = ingest(desk.settings, progress=desk.progress)
    store_raw(raw, desk.folder / "raw")
    desk.progress(f"{len(raw.frame)} rows from {raw.source}")


def _validate(desk: StageContext) -> None:
    from training.data.checking import validate

    table, quality = validate(desk.settings.load_domain(), load_raw(desk.folder / "raw"), desk.settings.training)
    store_table(table, desk.folder / "valid")
    (desk.folder / QUALITY_FILE).write_text(quality.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for finding in quality.findings():
        desk.progress(finding)
    desk.progress(f"{len(table)} of {quality.rows} rows accepted")


def _train(desk: StageContext) -> None:
    from training.learning.folding import split
    from training.learning.selection import select, store_selection

    learn, _ = split(load_table(desk.settings.load_domain(), desk.folder / "valid"), desk.settings.training)
    store_selection(select(learn, desk.settings, desk.progress), desk.folder / "selection")


def _evaluate(desk: StageContext) -> None:
    from training.evaluation.evaluating import evaluate
    from training.evaluation.storing import store_evaluation

    selection, test = _selection(desk)
    store_evaluation(evaluate(selection, test), selection, desk.folder / "evaluation")


def _report(desk: StageContext) -> None:
    from training.evaluation.reporting import write_report
    from training.evaluation.storing import load_evaluation

    selection, test = _selection(desk)
    evaluation = load_evaluation(desk.folder / "evaluation", selection, test)
    report, plots = desk.folder / "report", desk.folder / "plots"
    write_report(selection, evaluation, report, desk.settings.training.report, desk.progress)
    # of a folder of plots DVC wants to show every file, and knows what to do with a picture alone
    shutil.rmtree(plots, ignore_errors=True)
    shutil.copytree(report, plots, ignore=shutil.ignore_patterns("report.*"))


def _selection(desk: StageContext) -> tuple[Selection, Table]:
    """What the stage of training has left, and the test rows."""
    from training.learning.folding import split
    from training.learning.selection import load_selection

    learn, test = split(load_table(desk.settings.load_domain(), desk.folder / "valid"), desk.settings.training)
    return load_selection(desk.folder / "selection", learn), test


STAGES: dict[str, Callable[[StageContext], None]] = {
    "ingest": _ingest,
    "validate": _validate,
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
}
"""Every stage in order."""

_READS = {
    "ingest": (),
    "validate": ("raw",),
    "train": ("valid",),
    "evaluate": ("valid", "selection"),
    "report": ("valid", "selection", "evaluation"),
}
