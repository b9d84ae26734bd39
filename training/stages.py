"""The stages of a training with files between them, which `tasador stage` and `dvc repro` run.

They call the functions of a training run (``from training import ingest, validate, ...``). Each stage reads the files
of the stages before it and writes its own. No stage registers a version; `tasador train` does.
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
    """The inputs of a stage.

    Attributes:
        settings: domain, and how to train.
        folder: in which the stages of this domain keep their files.
        progress: called with messages about the progress.
    """

    settings: Settings
    folder: Path
    progress: Progress


def run_stage(name: str, context: StageContext) -> None:
    """Run one stage.

    Raises:
        DataError: the data cannot be used, or the files of an earlier stage are missing.
        ModelRejectedError: no model is fast enough, or a stored model contains types that are not allowed.
    """
    for needed in _READS[name]:
        if not (context.folder / needed).exists():
            raise DataError(f"{context.folder / needed} is missing: run the stages in order, or `dvc repro`")
    STAGES[name](context)


def _ingest(context: StageContext) -> None:
    from training.data.sources import ingest

    raw = ingest(context.settings, progress=context.progress)
    store_raw(raw, context.folder / "raw")
    context.progress(f"{len(raw.frame)} rows from {raw.source}")


def _validate(context: StageContext) -> None:
    from training.data.checking import validate

    table, quality = validate(
        context.settings.load_domain(), load_raw(context.folder / "raw"), context.settings.training
    )
    store_table(table, context.folder / "valid")
    (context.folder / QUALITY_FILE).write_text(quality.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for finding in quality.findings():
        context.progress(finding)
    context.progress(f"{len(table)} of {quality.rows} rows accepted")


def _train(context: StageContext) -> None:
    from training.learning.folding import split
    from training.learning.selection import select
    from training.learning.storing import store_selection

    train, _ = split(load_table(context.settings.load_domain(), context.folder / "valid"), context.settings.training)
    store_selection(select(train, context.settings, context.progress), context.folder / "selection")


def _evaluate(context: StageContext) -> None:
    from training.evaluation.evaluating import evaluate
    from training.evaluation.storing import store_evaluation

    selection, test = _load_selection(context)
    store_evaluation(evaluate(selection, test), selection, context.folder / "evaluation")


def _report(context: StageContext) -> None:
    from training.evaluation.reporting import write_report
    from training.evaluation.storing import load_evaluation

    selection, test = _load_selection(context)
    evaluation = load_evaluation(context.folder / "evaluation", selection, test)
    report, plots = context.folder / "report", context.folder / "plots"
    write_report(selection, evaluation, report, context.settings.training.report, context.progress)
    # DVC shows every file in a folder of plots, and supports only pictures
    shutil.rmtree(plots, ignore_errors=True)
    shutil.copytree(report, plots, ignore=shutil.ignore_patterns("report.*"))


def _load_selection(context: StageContext) -> tuple[Selection, Table]:
    from training.learning.folding import split
    from training.learning.storing import load_selection

    train, test = split(load_table(context.settings.load_domain(), context.folder / "valid"), context.settings.training)
    return load_selection(context.folder / "selection", train), test


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
