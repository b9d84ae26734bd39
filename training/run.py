"""A training run from its data to the gate.

`ingest` reads, `validate` checks, `split` separates the test rows, `select` chooses among candidates, `evaluate` scores
the winner on the test rows, `register` stores it as a version, and the gate decides whether to promote it. Each can
also be called alone, from a notebook or in a pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from registry.location import tracking_uri_of
from registry.runs import read_json, start_run
from registry.store import Registry
from schemas.settings import Settings
from training.data.checking import validate
from training.data.labelled import add_labelled
from training.data.quality import DataQualityReport
from training.data.sources import RawTable, ingest
from training.data.tables import Table
from training.evaluation.evaluating import evaluate
from training.evaluation.logged_report import complete_report, copy_report
from training.gate.foreseen import foreseen
from training.gate.judging import Gate
from training.learning.folding import split
from training.learning.metrics import deciding_metric
from training.learning.own_recipes import load_recipes
from training.learning.recipes import choose_recipes
from training.learning.selection import select
from training.mlflow_log import TEST_ROWS_FILE, log_data, log_report, log_results, log_source
from training.progress import Progress, ProgressPhase, discard_progress
from training.registering import register
from training.result import TrainingResult
from training.stopwatch import Stopwatch
from training.trigger import Trigger, training_tag


@dataclass(frozen=True, slots=True)
class PreparedData:
    """Data that was read, checked and split.

    Attributes:
        table: all accepted rows.
        train: the training rows.
        test: the test rows.
        raw: the table as it was read, with its provenance.
        quality: the report of the checks.
        stopwatch: with the seconds of each stage so far.
    """

    table: Table
    train: Table
    test: Table
    raw: RawTable
    quality: DataQualityReport
    stopwatch: Stopwatch = field(repr=False)


def prepare(
    settings: Settings,
    data: str | Path | None = None,
    models: Sequence[str] = (),
    progress: Progress = discard_progress,
    *,
    with_outcomes: bool = False,
) -> PreparedData:
    """Read, check and split the data of a run.

    Args:
        settings: domain, and how to train.
        data: source of the data, as for `train`.
        models: names of recipes, as for `train`.
        progress: called with messages about the progress.
        with_outcomes: whether to add the listings of the audit log that have an outcome.

    Raises:
        ConfigurationError: a recipe does not exist.
        DataError: the data cannot be used.
    """
    stopwatch = Stopwatch(progress)
    domain = settings.load_domain()
    # reports a mistyped recipe or metric before the data is downloaded
    choose_recipes(domain, models or settings.training.models, load_recipes(settings.training.recipes))
    deciding_metric(domain, settings.training)
    with stopwatch.stage("ingest"):
        raw = ingest(settings, data, progress)
        raw = add_labelled(settings, raw) if with_outcomes else raw
    with stopwatch.stage("validate"):
        table, quality = validate(domain, raw, settings.training)
        train, test = split(table, settings.training)
    for finding in quality.findings():
        progress(finding)
    for line in foreseen(train, settings.gate):
        progress(line)
    progress(f"{len(table)} rows from {table.source}, {len(test)} of them test rows")
    return PreparedData(table, train, test, raw, quality, stopwatch)


def train(
    settings: Settings,
    data: str | Path | None = None,
    models: Sequence[str] = (),
    *,
    promote: bool = True,
    progress: Progress = discard_progress,
    trigger: Trigger | None = None,
    reports: Path | None = None,
) -> TrainingResult:
    """Train, register the winner, and promote it if it passes the gate.

    Args:
        settings: domain, MLflow's address, and how to train.
        data: source of the data (see `training.data.sources`); by default the one in params.yaml.
        models: names of recipes; by default those in the settings, or all that fit.
        promote: whether to judge the registered version by the gate, and promote it if it passes.
        progress: called with messages about the progress.
        trigger: what started the run, and the override of the gate; by default a call from Python.
        reports: a folder to copy the report to, below the domain's name; it is always logged with the run in MLflow.

    Raises:
        ConfigurationError: a recipe does not exist.
        DataError: the data cannot be used.
        ModelRejectedError: ("cost") no model is fast enough.
        RegistryUnavailableError: MLflow does not answer.
    """
    prepared = prepare(settings, data, models, progress)
    trigger = trigger or Trigger()
    return train_on(prepared, settings, models, promote=promote, progress=progress, trigger=trigger, reports=reports)


def train_on(
    prepared: PreparedData,
    settings: Settings,
    models: Sequence[str],
    *,
    promote: bool,
    progress: Progress,
    trigger: Trigger,
    reports: Path | None = None,
) -> TrainingResult:
    """Do what `train` does, with data that is already prepared."""
    table, stopwatch, domain = prepared.table, prepared.stopwatch, prepared.table.domain
    registry = Registry(tracking_uri_of(settings), domain.name)
    data_sha256 = table.sha256()
    name = f"{domain.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with start_run(registry.client, registry.tracking_uri, domain.name, name, trigger.tags()) as run:
        log_data(run, table, data_sha256, prepared.train, prepared.test, settings.training)
        log_source(run, prepared.raw, prepared.quality)
        with stopwatch.stage("train"):
            selection = select(prepared.train, settings, progress, models)
        with stopwatch.stage("evaluate"):
            evaluation = evaluate(selection, prepared.test)
        if selection.coverage is not None and evaluation.intervals is None:
            progress(f"no intervals: {len(prepared.train)} rows are too few for a coverage of {selection.coverage:g}")
        with stopwatch.stage("report"):
            log_report(run, selection, evaluation, settings.training.report, progress)
        progress(f"registering {selection.winner.name}")
        tags = trigger.tags() | training_tag(settings, models) | prepared.raw.tags()
        with stopwatch.stage("register"):
            info = register(
                registry,
                selection,
                evaluation,
                settings.training,
                data_sha256=data_sha256,
                run_id=run.id,
                tags=tags,
            )
        complete_report(registry, run.id, {"version": info.version, "run_id": run.id})
        log_results(run, selection, evaluation, info, stopwatch.seconds)
    report = None
    if promote:
        progress(ProgressPhase("gate"))
        progress(f"judging version {info.version} by the gate")
        report = Gate(registry, domain, settings).admit(info.version, trigger.override, trigger.requester)
    if reports is not None:
        copy_report(registry, run.id, reports / domain.name)
    return TrainingResult(
        name=info.name,
        version=info.version,
        digest=info.digest,
        algorithm=selection.winner.name,
        is_champion=report is not None and report.is_open,
        gate=report,
        metrics=dict(evaluation.metrics),
        metric=selection.metric,
        candidates=selection.candidates,
        test_rows=tuple(prepared.test.positions.tolist()),
        rows=len(table),
        problems=prepared.quality.problems,
        source=table.source,
        data_sha256=data_sha256,
        run_id=run.id,
        seconds=stopwatch.total,
    )


def find_test_rows(settings: Settings, version: str | None = None) -> tuple[int, ...]:
    """Read the positions, in the source of its data, of a version's test rows; of the champion's by default.

    Raises:
        ModelNotFoundError: there is no such version.
        RegistryUnavailableError: MLflow does not answer, or the run no longer has the file.
    """
    registry = Registry(tracking_uri_of(settings), settings.domain)
    info = registry.resolve(version=version)
    return tuple(read_json(registry.client, registry.tracking_uri, info.run_id, TEST_ROWS_FILE))
