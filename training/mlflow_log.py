"""Logs a training run to MLflow: data, parameters, metrics, tags, durations and the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.runs import MlflowRun
from registry.versions import ModelVersionInfo
from schemas.sections import TrainingSettings
from training.data.quality import DataQualityReport
from training.data.sources import RawTable
from training.data.tables import Table
from training.evaluation.evaluating import Evaluation
from training.evaluation.logged_report import REPORT_FOLDER
from training.evaluation.reporting import write_report
from training.learning.selection import Selection
from training.progress import Progress

TEST_ROWS_FILE = "test_rows.json"
QUALITY_FILE = "quality.json"
PROVENANCE_FILE = "provenance.json"
PLAN_FILE = "plan.json"


def log_data(
    run: MlflowRun, table: Table, data_sha256: str, train: Table, test: Table, settings: TrainingSettings
) -> None:
    """Log the settings, the data by name and hash (`Table.sha256`), and the positions of the test rows."""
    run.log_params(
        {"rows": len(table), "training_rows": len(train), "source": table.source}
        | settings.model_dump(include={"seed", "test_share", "folds", "repeats"})
    )
    run.log_dataset(train.with_target(), table.domain.name, table.source, data_sha256, target=table.domain.target.name)
    run.log_json(TEST_ROWS_FILE, test.positions.tolist())


def log_source(run: MlflowRun, raw: RawTable, quality: DataQualityReport) -> None:
    """Log the quality report and the provenance of the data."""
    run.log_json(QUALITY_FILE, quality.model_dump(mode="json"))
    if raw.provenance:
        run.log_json(PROVENANCE_FILE, raw.provenance.model_dump(mode="json"))


def log_report(run: MlflowRun, selection: Selection, evaluation: Evaluation, level: str, progress: Progress) -> None:
    """Log the report with the run; version and verdict follow (`training.evaluation.logged_report`)."""
    with TemporaryDirectory(prefix="tasador-report-") as temporary:
        folder = Path(temporary) / REPORT_FOLDER
        write_report(selection, evaluation, folder, level, progress)
        run.log_folder(folder, REPORT_FOLDER)


def log_results(
    run: MlflowRun, selection: Selection, evaluation: Evaluation, info: ModelVersionInfo, seconds: Mapping[str, float]
) -> None:
    """Log the winner's parameters and figures, those of all candidates, the seconds of each stage, and the version."""
    estimator = selection.pipeline[-1].get_params()
    params = {f"estimator.{key}": value for key, value in estimator.items() if value is not None}
    run.log_params({"algorithm": selection.winner.name} | params)
    run.log_metrics(evaluation.metrics)
    run.log_json(
        PLAN_FILE, selection.plan.figures() | {"spent": selection.spent, "stopped_after": selection.stopped_after}
    )
    for each in selection.candidates:
        run.log_metrics({f"{each.name}/{name}": getattr(each, name) for name in ("mean", "sd", "us_per_row")})
    for segment in evaluation.segments:
        metrics = segment.figures.items()
        run.log_metrics({f"segment/{segment.name}/{name}": value for name, value in metrics})
    run.log_metrics({f"seconds/{stage}": duration for stage, duration in seconds.items()})
    run.set_tags({**info.tags, "version": info.version})
