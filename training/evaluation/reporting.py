"""Writes a report into a folder: JSON, PNG files, and an HTML page."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.evaluation.document import document_of
from training.evaluation.evaluating import Evaluation
from training.evaluation.importance import importances
from training.evaluation.page import page_of
from training.learning.selection import Selection
from training.progress import Progress, discard_progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_FILE = "report.json"
PAGE_FILE = "report.html"
FULL = "full"

DrawPlot = Callable[[], "Figure"]


def write_report(
    selection: Selection, evaluation: Evaluation, folder: Path, level: str = FULL, progress: Progress = discard_progress
) -> dict[str, Any]:
    """Write the report of a run; creates the folder, and replaces an earlier report in it.

    Args:
        selection: candidates and winner.
        evaluation: of the winner.
        folder: for the files.
        level: `full` draws plots, which takes seconds; `figures` leaves them out.
        progress: called with messages about the progress.

    Returns:
        The document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.png"), folder / REPORT_FILE, folder / PAGE_FILE):
        old.unlink(missing_ok=True)
    document = document_of(selection, evaluation)
    plots: list[Path] = []
    if level == FULL:
        document["importance"] = importances(selection.pipeline, selection.train, seed=0)
        for name, draw in _plots(selection, evaluation, document["importance"]):
            progress(f"drawing {name.replace('_', ' ')}")
            plots.append(folder / f"{name}.png")
            figure = draw()
            with warnings.catch_warnings():
                # a name may have characters, such as emoji, that the font draws as a box
                warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
                figure.savefig(plots[-1])
    (folder / REPORT_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / PAGE_FILE).write_text(page_of(document, plots), encoding="utf-8")
    return document


def copy_report(folder: Path, target: Path) -> None:
    """Copy a report, replacing an earlier one."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)


def _plots(selection: Selection, evaluation: Evaluation, ranked: dict[str, float]) -> Iterator[tuple[str, DrawPlot]]:
    """Name and drawing function of every plot for the task and the model."""
    from training.evaluation import class_plots, model_plots, price_plots
    from training.evaluation.explaining import explain

    of_task: tuple[Callable[[Selection, Evaluation], Figure], ...] = (
        (class_plots.confusion_matrix, class_plots.calibration)
        if selection.train.domain.target.classes
        else (
            price_plots.predicted_against_actual,
            price_plots.residuals,
            price_plots.residual_distribution,
            price_plots.calibration,
        )
    )
    for draw in of_task:
        yield draw.__name__, lambda draw=draw: draw(selection, evaluation)  # type: ignore[misc]
    yield "importance", lambda: model_plots.importance(ranked)
    explained = explain(selection.pipeline, selection.train, seed=0)
    if explained is not None:
        yield "shap_summary", lambda: model_plots.shap_summary(explained)
    yield "learning_curve", lambda: model_plots.learning_curve(selection)
