"""Downloads that the gate needs of a version: its fold record, its pipeline, and its scorer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from registry.digest import check_digest
from registry.loading import load_pipeline, load_scorer
from registry.runs import download_folder
from registry.scorer import Scorer
from registry.store import Registry
from registry.versions import FOLDS_TAG, ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from training.gate.record import FOLDS_FOLDER, FoldRecord, read_record

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def fetch_record(registry: Registry, info: ModelVersionInfo, domain: Domain) -> FoldRecord:
    """Download the fold record of a version.

    Raises:
        ModelRejectedError: ("folds") it has none, or its files have changed since it was registered.
        RegistryUnavailableError: MLflow does not answer.
    """
    expected = info.tags.get(FOLDS_TAG)
    if not expected:
        raise ModelRejectedError("folds", f"version {info.version} has no fold record")
    with tempfile.TemporaryDirectory(prefix="tasador-gate-") as temporary:
        folder = download_folder(registry.client, registry.tracking_uri, info.run_id, FOLDS_FOLDER, Path(temporary))
        try:
            check_digest(folder, expected)
            return read_record(folder, domain)
        except (OSError, KeyError, ValueError, ModelRejectedError) as error:
            message = f"the fold record of version {info.version} cannot be used: {error}"
            raise ModelRejectedError("folds", message) from error


def fetch_pipeline(registry: Registry, info: ModelVersionInfo) -> Pipeline:
    """Download and load the fitted pipeline of a version, after checking digest and allow-list.

    Raises:
        ModelRejectedError: its files have changed, or it cannot be loaded.
        RegistryUnavailableError: MLflow does not answer.
    """
    with registry.downloaded(info) as folder:
        return load_pipeline(folder)


def fetch_scorer(registry: Registry, info: ModelVersionInfo, domain: Domain) -> Scorer:
    """Download a version and load it as a consumer does, without a limit on its cost; raises as `fetch_pipeline`."""
    with registry.downloaded(info) as folder:
        return load_scorer(folder, domain)
