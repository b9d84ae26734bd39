"""Copying a stored model from wherever it lies: a folder on this machine, or behind an MLflow server."""

from __future__ import annotations

import shutil
from pathlib import Path

from registry import tracking
from registry.location import local_path_of
from schemas.errors import ModelRejectedError, RegistryUnavailableError


def copy_artifact(uri: str, target: Path, tracking_uri: str | None) -> None:
    """Copy the folder at `uri` to `target`, which must not exist. MLflow is imported only if it is needed.

    Raises:
        ModelRejectedError: ("digest") nothing lies there.
        RegistryUnavailableError: MLflow does not answer, or it is not known where it is.
    """
    source = local_path_of(uri)
    if source is None:
        _download(uri, target, tracking_uri)
    elif not source.is_dir():
        raise ModelRejectedError("digest", f"nothing lies at {source}, where the model was stored")
    else:
        # links are copied as links, which the digest then refuses
        shutil.copytree(source, target, symlinks=True)


def _download(uri: str, target: Path, tracking_uri: str | None) -> None:
    if tracking_uri is None:
        raise RegistryUnavailableError(f"{uri} lies behind an MLflow server: set TASADOR_MLFLOW_URI")
    tracking.prepare()
    tracking.check_answers(tracking_uri)
    import mlflow

    # MLflow makes a folder of its own inside the one it is given
    aside = target.with_name(f"{target.name}.part")
    aside.mkdir(parents=True)
    with tracking.speaking_to(tracking_uri):
        found = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(aside), tracking_uri=tracking_uri)
    Path(found).rename(target)
    if aside.exists():
        aside.rmdir()
