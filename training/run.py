"""A training run from beginning to end, put together from its stages.

`ingest` reads, `validate` checks, `split` puts the test rows aside, `select` chooses among candidates, `evaluate` looks
at the test rows, `register` makes a version, and the gate says whether it becomes champion. Each can be called alone,
from a notebook or as a stage of a pipeline.
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
from training.gate.judging import Gate
from training.learning.folding import split
from training.learning.metrics import deciding_metric
from training.learning.recipes import choose_recipes
from training.learning.selection import select
from training.mlflow_log import TEST_ROWS_FILE, log_data, log_report, log_results, log_source
from training.progress import Progress, silent
from training.registering import register
from training.result import TrainingResult
from training.stopwatch import Stopwatch
from training.trigger import Trigger, training_tag


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data that was read, checked and split.

    Attributes:
        table: all accepted rows.
        learn: the training rows.
        test: the test rows.
        raw: as they came, with their provenance.
        quality: what was wrong with them.
        stopwatch: how long each stage took so far.
    """

    table: Table
    learn: Table
    test: Table
    raw: RawTable
    quality: DataQualityReport
    stopwatch: Stopwatch = field(repr=False)


def prepare(
    settings: Settings,
    data: str | Path | None = None,
    models: Sequence[str] = (),
    progress: Progress = silent,
    *,
    with_outcomes: bool = False,
) -> Prepared:
    """Read, check and split the data of a run.

    Args:
        settings: which domain, and how to train.
        data: where the data comes from, as for `train`.
        models: names of recipes, as for `train`.
        progress: is told how far it is.
        with_outcomes: whether listings of the audit log whose outcome has come are added.

    Raises:
        ConfigurationError: there is no such recipe.
        DataError: the data cannot be used.
    """
    stopwatch = Stopwatch()
    domain = settings.load_domain()
    # before anything is read: a mistyped name should not cost a download
    choose_recipes(domain, models or settings.training.models)
    with stopwatch.stage("ingest"):
        raw = ingest(settings, data, progress)
        raw = add_labelled(settings, raw) if with_outcomes else raw
    with stopwatch.stage("validate"):
        table, quality = validate(domain, raw, settings.training)
        learn, test = split(table, settings.training)
    for finding in quality.findings():
        progress(finding)
    progress(f"{len(table)} rows from {table.source}; {len(test)} test rows put aside")
    return Prepared(table, learn, test, raw, quality, stopwatch)


def train(
    settings: Settings,
    data: str | Path | None = None,
    models: Sequence[str] = (),
    *,
    promote: bool = True,
    progress: Progress = silent,
    occasion: Trigger | None = None,
    reports: Path | None = None,
) -> TrainingResult:
    """Train, register the winner, and make it champion if the gate lets it pass.

    Args:
        settings: which domain, where MLflow is, and how to train.
        data: where the data comes from (see `training.data.sources`); by default what params.yaml says.
        models: names of recipes; by default those of the settings, or all that fit.
        promote: whether the registered version shall become champion.
        progress: is told how far the run is.
        occasion: what asked for it, and whether the gate is overridden.
        reports: the folder in which the report goes under the domain's name; with the run in MLflow it lies anyway.

    Raises:
        ConfigurationError: there is no such recipe.
        DataError: the data cannot be used.
        ModelRejectedError: ("cost") no model is fast enough.
        RegistryUnavailableError: MLflow does not answer.
    """
    prepared = prepare(settings, data, models, progress)
    why = occasion or Trigger()
    return train_on(prepared, settings, models, promote=promote, progress=progress, occasion=why, reports=reports)


def train_on(
    prepared: Prepared,
    settings: Settings,
    models: Sequence[str],
    *,
    promote: bool,
    progress: Progress,
    occasion: Trigger,
    reports: Path | None = None,
) -> TrainingResult:
    """The rest of `train`, on data that was prepared."""
    table, stopwatch, domain = prepared.table, prepared.stopwatch, prepared.table.domain
    registry = Registry(tracking_uri_of(settings), domain.name)
    name = f"{domain.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with start_run(registry.client, registry.tracking_uri, domain.name, name) as run:
        log_data(run, table, prepared.learn, prepared.test, settings.training)
        log_source(run, prepared.raw, prepared.quality)
        with stopwatch.stage("train"):
            selection = select(prepared.learn, settings, progress, models)
        with stopwatch.stage("evaluate"):
            evaluation = evaluate(selection, prepared.test)
        with stopwatch.stage("report"):
            log_report(run, selection, evaluation, settings.training.report, reports, progress)
        progress(f"registering {selection.winner.name}")
        tags = occasion.tags() | training_tag(settings, models) | prepared.raw.tags()
        with stopwatch.stage("register"):
            found = register(
                registry,
                selection,
                evaluation,
                settings.training,
                data_sha256=table.sha256(),
                run_id=run.id,
                tags=tags,
            )
        log_results(run, selection, evaluation, found, stopwatch.seconds)
    report = None
    if promote:
        progress(f"version {found.version} is before the gate")
        report = Gate(registry, domain, settings).admit(found.version, occasion.override)
    return TrainingResult(
        name=found.name,
        version=found.version,
        digest=found.digest,
        algorithm=selection.winner.name,
        is_champion=report is not None and report.is_open,
        gate=report,
        metrics=dict(evaluation.metrics),
        metric=deciding_metric(domain),
        candidates=selection.candidates,
        test_rows=tuple(prepared.test.positions.tolist()),
        rows=len(table),
        problems=prepared.quality.problems,
        source=table.source,
        data_sha256=table.sha256(),
        run_id=run.id,
        seconds=stopwatch.total,
    )


def find_test_rows(settings: Settings, version: str | None = None) -> tuple[int, ...]:
    """Positions, in the source of its data, of the test rows of a version; of the champion by default.

    Raises:
        ModelNotFoundError: there is no such version.
        RegistryUnavailableError: MLflow does not answer, or the run has lost the file.
    """
    registry = Registry(tracking_uri_of(settings), settings.domain)
    found = registry.resolve(version=version)
    return tuple(read_json(registry.client, registry.tracking_uri, found.run_id, TEST_ROWS_FILE))
