"""What a training run writes down in MLflow about itself: data, parameters, figures, tags, durations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.runs import MlflowRun
from registry.versions import ModelVersionInfo
from schemas.sections import TrainingSettings
from training.data.quality import DataQualityReport
from training.data.sources import RawTable
from training.data.tables import Table
from training.evaluation.evaluating import Evaluation
from training.evaluation.reporting import copy_report, write_report
from training.learning.selection import Selection
from training.progress import Progress

REPORT_FOLDER = "report"
TEST_ROWS_FILE = "test_rows.json"
QUALITY_FILE = "quality.json"
PROVENANCE_FILE = "provenance.json"


def log_data(run: MlflowRun, table: Table, learn: Table, test: Table, settings: TrainingSettings) -> None:
    """Note what a run is given: the settings, the data by name and hash, and which rows were put aside."""
    run.log_params(
        {"rows": len(table), "training_rows": len(learn), "source": table.source}
        | settings.model_dump(include={"seed", "test_share", "folds", "repeats"})
    )
    run.log_dataset(
        learn.with_target(), table.domain.name, table.source, table.sha256(), target=table.domain.target.name
    )
    run.log_json(TEST_ROWS_FILE, test.positions.tolist())


def log_source(run: MlflowRun, raw: RawTable, quality: DataQualityReport) -> None:
    """Note where the data came from, what exactly came, and what is wrong with it."""
    run.log_json(QUALITY_FILE, quality.model_dump(mode="json"))
    if raw.provenance:
        run.log_json(PROVENANCE_FILE, raw.provenance.model_dump(mode="json"))


def log_report(
    run: MlflowRun, selection: Selection, evaluation: Evaluation, level: str, reports: Path | None, progress: Progress
) -> None:
    """Keep the report with the run, and under the domain's name in a folder where one is named."""
    with TemporaryDirectory(prefix="tasador-report-") as aside:
        folder = Path(aside) / REPORT_FOLDER
        write_report(selection, evaluation, folder, level, progress)
        run.log_folder(folder, REPORT_FOLDER)
        if reports is not None:
            copy_report(folder, reports / selection.learn.domain.name)


def log_results(
    run: MlflowRun, selection: Selection, evaluation: Evaluation, found: ModelVersionInfo, seconds: Mapping[str, float]
) -> None:
    """Note what came of a run: the winner with its parameters and figures, all candidates, how long stages took."""
    winner = selection.winner
    estimator = selection.pipeline[-1].get_params()
    chosen = {f"estimator.{key}": value for key, value in estimator.items() if value is not None}
    run.log_params({"algorithm": winner.name} | chosen)
    run.log_metrics(evaluation.metrics)
    for one in selection.candidates:
        run.log_metrics(
            {f"{one.name}/mean": one.mean, f"{one.name}/sd": one.sd, f"{one.name}/us_per_row": one.us_per_row}
        )
        if one.search is not None:
            run.log_metrics({f"{one.name}/search_{name}": float(value) for name, value in asdict(one.search).items()})
    for part in evaluation.parts:
        run.log_metrics({f"segment/{_key(part.name)}/{name}": value for name, value in part.figures.items()})
    run.log_metrics({f"seconds/{stage}": spent for stage, spent in seconds.items()})
    run.set_tags({**found.tags, "version": found.version})


def _key(name: str) -> str:
    """A name as MLflow takes it for a metric."""
    return "".join(each if each.isalnum() or each in "_-. " else "_" for each in name)
