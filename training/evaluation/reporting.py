"""Writing a report into a folder: JSON for machines, PNG files, and one HTML page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.evaluation.document import document_of
from training.evaluation.evaluating import Evaluation
from training.evaluation.importance import importances
from training.evaluation.page import page_of
from training.learning.selection import Selection
from training.progress import Progress, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_FILE = "report.json"
PAGE_FILE = "report.html"
FULL = "full"

Draw = Callable[[], "Figure"]


def write_report(
    selection: Selection, evaluation: Evaluation, folder: Path, level: str = FULL, progress: Progress = silent
) -> dict[str, Any]:
    """Write the report of a run; the folder is created, and what an earlier report left there is replaced.

    Args:
        selection: who was tried.
        evaluation: what is known of the winner.
        folder: where to.
        level: `full` draws plots, which takes seconds; `figures` leaves them out.
        progress: is told how far it is.

    Returns:
        The document.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.png"), folder / REPORT_FILE, folder / PAGE_FILE):
        old.unlink(missing_ok=True)
    document = document_of(selection, evaluation)
    plots: list[Path] = []
    if level == FULL:
        document["importance"] = importances(selection.pipeline, selection.learn, seed=0)
        for name, draw in _plots(selection, evaluation, document["importance"]):
            progress(f"drawing {name.replace('_', ' ')}")
            plots.append(folder / f"{name}.png")
            draw().savefig(plots[-1])
    (folder / REPORT_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / PAGE_FILE).write_text(page_of(document, plots), encoding="utf-8")
    return document


def copy_report(folder: Path, target: Path) -> None:
    """Put a report where people look for it, instead of the one before."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)


def _plots(selection: Selection, evaluation: Evaluation, ranked: dict[str, float]) -> Iterator[tuple[str, Draw]]:
    """Name and drawing of every plot that fits the task and the model."""
    from training.evaluation import class_plots, model_plots, price_plots
    from training.evaluation.explaining import explain

    of_task: tuple[Callable[[Selection, Evaluation], Figure], ...] = (
        (class_plots.confusion_matrix, class_plots.calibration)
        if selection.learn.domain.target.classes
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
    explained = explain(selection.pipeline, selection.learn, seed=0)
    if explained is not None:
        yield "shap_summary", lambda: model_plots.shap_summary(explained)
    yield "learning_curve", lambda: model_plots.learning_curve(selection)
