"""The files of a report in a folder: JSON, PNG files, and an HTML page made of both."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
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
    if level == FULL:
        document["importance"] = importances(selection.pipeline, selection.train, seed=0)
        for name, draw in _plots(selection, evaluation, document["importance"]):
            progress(f"drawing {name.replace('_', ' ')}")
            document["plots"].append(name)
            figure = draw()
            with warnings.catch_warnings():
                # a name may have characters, such as emoji, that the font draws as a box
                warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
                figure.savefig(folder / f"{name}.png")
    _write_texts(folder, document)
    return document


def update_report(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the JSON and the page of a report again, with other values for some keys of its document.

    Raises:
        OSError: the folder holds no report.
        ValueError: its JSON is damaged.
        jinja2.TemplateError: its document is that of another version of the page.
    """
    _write_texts(folder, json.loads((folder / REPORT_FILE).read_text(encoding="utf-8")) | facts)


def _write_texts(folder: Path, document: Mapping[str, Any]) -> None:
    page = page_of(document, [folder / f"{name}.png" for name in document["plots"]])
    (folder / REPORT_FILE).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (folder / PAGE_FILE).write_text(page, encoding="utf-8")


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
    if len(selection.train) <= model_plots.CURVE_ROWS:
        yield "learning_curve", lambda: model_plots.learning_curve(selection)
