"""A training run from beginning to end, put together from its stages.

`ingest` reads, `validate` checks, `split` puts the test rows aside, `select` chooses among candidates, `evaluate` looks
at the test rows, `register` makes a version. Each can be called alone, from a notebook or as a stage of a pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from registry.location import tracking_uri_of
from registry.runs import Run, read_json, start_run
from registry.store import Registry
from schemas.sections import TrainingSettings
from schemas.settings import Settings
from training.data.checking import validate
from training.data.quality import QualityReport
from training.data.sources import RawTable, ingest
from training.data.tables import Table
from training.evaluation.evaluating import Evaluation, evaluate
from training.learning.folding import split
from training.learning.metrics import deciding_metric
from training.learning.recipes import choose_recipes
from training.learning.selection import Selection, select
from training.progress import Progress, silent
from training.registering import register
from training.result import TrainingResult

TEST_ROWS_FILE = "test_rows.json"
QUALITY_FILE = "quality.json"
PROVENANCE_FILE = "provenance.json"


def train(
    settings: Settings,
    data: str | Path | None = None,
    models: Sequence[str] = (),
    *,
    promote: bool = True,
    progress: Progress = silent,
    command_id: str | None = None,
) -> TrainingResult:
    """Train, register the winner, and make it champion.

    Args:
        settings: which domain, where MLflow is, and how to train.
        data: where the data comes from (see `training.data.sources`); by default what params.yaml says.
        models: names of recipes; by default those of the settings, or all that fit.
        promote: whether the registered version becomes champion.
        progress: is told how far the run is.
        command_id: the command that asked for it, if one did.

    Raises:
        ConfigurationError: there is no such recipe.
        DataError: the data cannot be used.
        ModelRejectedError: ("cost") no model is fast enough.
        RegistryUnavailableError: MLflow does not answer.
    """
    start = perf_counter()
    domain = settings.load_domain()
    # before anything is read: a mistyped name should not cost a download
    choose_recipes(domain, models or settings.training.models)
    raw = ingest(settings, data, progress)
    table, quality = validate(domain, raw, settings.training)
    learn, test = split(table, settings.training)
    for finding in quality.findings():
        progress(finding)
    progress(f"{len(table)} rows from {table.source}; {len(test)} test rows put aside")
    registry = Registry(tracking_uri_of(settings), domain.name)
    name = f"{domain.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with start_run(registry.client, registry.tracking_uri, domain.name, name) as run:
        _log_data(run, table, learn, settings.training)
        _log_rows(run, test, raw, quality)
        selection = select(learn, settings, progress, models)
        evaluation = evaluate(selection, test)
        _log_results(run, selection, evaluation, command_id)
        progress(f"registering {selection.winner.name}")
        found = register(
            registry,
            selection,
            evaluation,
            settings.training,
            data_sha256=table.sha256(),
            run_id=run.id,
            command_id=command_id,
        )
    if promote:
        registry.set_champion(found.version)
    return TrainingResult(
        name=found.name,
        version=found.version,
        digest=found.digest,
        algorithm=selection.winner.name,
        is_champion=promote,
        metrics=dict(evaluation.metrics),
        metric=deciding_metric(domain),
        candidates=selection.candidates,
        test_rows=tuple(test.positions.tolist()),
        rows=len(table),
        problems=quality.problems,
        source=table.source,
        data_sha256=table.sha256(),
        run_id=run.id,
        seconds=perf_counter() - start,
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


def _log_data(run: Run, table: Table, learn: Table, settings: TrainingSettings) -> None:
    run.log_params(
        {"rows": len(table), "training_rows": len(learn), "source": table.source}
        | settings.model_dump(include={"seed", "test_share", "folds", "repeats"})
    )
    target = table.domain.target.name
    run.log_dataset(learn.with_target(), table.domain.name, table.source, table.sha256(), target)


def _log_rows(run: Run, test: Table, raw: RawTable, quality: QualityReport) -> None:
    run.log_json(TEST_ROWS_FILE, test.positions.tolist())
    run.log_json(QUALITY_FILE, quality.model_dump(mode="json"))
    if raw.provenance:
        run.log_json(PROVENANCE_FILE, raw.provenance.model_dump(mode="json"))
        run.set_tags(raw.provenance.tags())


def _log_results(run: Run, selection: Selection, evaluation: Evaluation, command_id: str | None) -> None:
    winner = selection.winner
    estimator = selection.pipeline[-1].get_params()
    chosen = {f"estimator.{key}": value for key, value in estimator.items() if value is not None}
    run.log_params({"algorithm": winner.name} | chosen)
    run.log_metrics(evaluation.metrics)
    for one in selection.candidates:
        run.log_metrics(
            {f"{one.name}/mean": one.mean, f"{one.name}/sd": one.sd, f"{one.name}/us_per_row": one.us_per_row}
        )
    run.set_tags({"algorithm": winner.name} | ({"command_id": command_id} if command_id else {}))
