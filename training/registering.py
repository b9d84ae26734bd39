"""Registers the winner of a selection as a model version, with the files that are stored beside a model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from registry.card import card_of
from registry.fingerprint import fingerprint_of
from registry.folder import expected_columns
from registry.runs import MlflowRun
from registry.store import Registry
from registry.versions import FINGERPRINT_TAG, FOLDS_TAG, ModelVersionInfo
from schemas.rows import RowBuilder
from schemas.sections import TrainingSettings
from training.evaluation.evaluating import Evaluation
from training.evaluation.importance import importances
from training.evaluation.intervals import calibration_of
from training.gate.record import FOLDS_FOLDER, FoldRecord, record_of, write_record
from training.learning.samples import background_rows, golden_rows, reference_rows
from training.learning.selection import Selection


def register(
    registry: Registry,
    selection: Selection,
    evaluation: Evaluation,
    training: TrainingSettings,
    *,
    data_sha256: str,
    run_id: str,
    tags: Mapping[str, str] | None = None,
) -> ModelVersionInfo:
    """Register a selection's winner as a new version, to which no alias points yet.

    Args:
        registry: to register in.
        selection: with the winner.
        evaluation: of the winner; its metrics go into the model card.
        training: numbers of golden rows and reference rows, and their seed.
        data_sha256: content hash of the whole table, including the test rows.
        run_id: of the MLflow run that trained the winner.
        tags: further tags of the version.

    Raises:
        ModelRejectedError: ("allow_list") the pipeline contains types that consumers may not load.
        RegistryUnavailableError: MLflow does not answer.
    """
    train, winner = selection.train, selection.winner
    matrix = RowBuilder(train.domain).matrix_of_frame(train.frame)
    card = card_of(
        train.domain,
        matrix,
        algorithm=winner.name,
        trained_at=datetime.now(UTC),
        data_sha256=data_sha256,
        metrics=dict(evaluation.metrics),
        predictions=winner.folds.out_of_fold,
        key_feature=next(iter(importances(selection.pipeline, train, training.seed))),
        threshold=selection.threshold,
    )
    record = record_of(train, selection.splits, selection.metric, winner.folds)
    golden = golden_rows(selection.pipeline, train, training.golden_rows, training.seed)
    fingerprint = fingerprint_of(selection.pipeline, golden[expected_columns(card.columns, card.classes)].to_numpy())
    return registry.register(
        selection.pipeline,
        card,
        golden,
        reference_rows(train, winner.folds.out_of_fold, training.reference_rows, training.seed),
        run_id=run_id,
        background=background_rows(train.domain, matrix, training.seed),
        calibration=calibration_of(selection),
        tags=dict(tags or {}) | {FINGERPRINT_TAG: fingerprint, FOLDS_TAG: log_folds(registry, record, run_id)},
    )


def log_folds(registry: Registry, record: FoldRecord, run_id: str) -> str:
    """Log a fold record with a run, and return its digest for a tag of the version."""
    with tempfile.TemporaryDirectory(prefix="tasador-folds-") as temporary:
        folder = Path(temporary) / FOLDS_FOLDER
        digest = write_record(record, folder)
        MlflowRun(registry.client, run_id).log_folder(folder, FOLDS_FOLDER)
    return digest
