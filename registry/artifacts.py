"""Copies a stored model's folder, from a local path or from an MLflow server."""

from __future__ import annotations

import shutil
from pathlib import Path

from registry import tracking
from registry.location import local_path_of
from schemas.errors import ModelRejectedError, RegistryUnavailableError


def copy_artifact(uri: str, target: Path, tracking_uri: str | None) -> None:
    """Copy the folder at `uri` to `target`, which must not exist. MLflow is imported only if it is needed.

    Raises:
        ModelRejectedError: ("digest") there is no such folder.
        RegistryUnavailableError: MLflow does not answer, or its address is not known.
    """
    source = local_path_of(uri)
    if source is None:
        _download(uri, target, tracking_uri)
    elif not source.is_dir():
        raise ModelRejectedError("digest", f"the model's folder {source} does not exist")
    else:
        # links are copied as links, which the digest check then rejects
        shutil.copytree(source, target, symlinks=True)


def _download(uri: str, target: Path, tracking_uri: str | None) -> None:
    if tracking_uri is None:
        raise RegistryUnavailableError(f"{uri} is on an MLflow server: set TASADOR_MLFLOW_URI")
    tracking.configure()
    tracking.check_reachable(tracking_uri)
    import mlflow

    # MLflow creates a folder of its own inside the one it is given
    parent = target.with_name(f"{target.name}.part")
    parent.mkdir(parents=True)
    with tracking.translated_errors(tracking_uri):
        folder = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(parent), tracking_uri=tracking_uri)
    Path(folder).rename(target)
    if parent.exists():
        parent.rmdir()
