"""What the gate fetches of a version from the registry: its fold record, its pipeline, and it as it would serve."""

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

_ASIDE = "tasador-gate-"


def fetch_record(registry: Registry, found: ModelVersionInfo, domain: Domain) -> FoldRecord:
    """The fold record of a version.

    Raises:
        ModelRejectedError: ("folds") it has none, or not the one that was registered.
        RegistryUnavailableError: MLflow does not answer.
    """
    expected = found.tags.get(FOLDS_TAG)
    if not expected:
        raise ModelRejectedError("folds", f"version {found.version} has no fold record")
    with tempfile.TemporaryDirectory(prefix=_ASIDE) as aside:
        where = (registry.client, registry.tracking_uri, found.run_id, FOLDS_FOLDER)
        folder = download_folder(*where, Path(aside))
        try:
            check_digest(folder, expected)
            return read_record(folder, domain)
        except (OSError, KeyError, ValueError, ModelRejectedError) as error:
            message = f"the fold record of version {found.version} cannot be used: {error}"
            raise ModelRejectedError("folds", message) from error


def fetch_pipeline(registry: Registry, found: ModelVersionInfo) -> Pipeline:
    """The fitted pipeline of a version, through digest and allow-list.

    Raises:
        ModelRejectedError: it has been changed, or cannot be built.
        RegistryUnavailableError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix=_ASIDE) as aside:
        folder = Path(aside) / "model"
        registry.download(found, folder)
        return load_pipeline(folder)


def fetch_scorer(registry: Registry, found: ModelVersionInfo, domain: Domain) -> Scorer:
    """A version as a consumer would load it, whatever a row costs; raises as `fetch_pipeline`."""
    with tempfile.TemporaryDirectory(prefix=_ASIDE) as aside:
        folder = Path(aside) / "model"
        registry.download(found, folder)
        return load_scorer(folder, domain)
