"""The cache of models on this machine's disk, each in a folder named by its digest.

Several processes share one cache: each downloads a model into a temporary folder and renames it, so a model is complete
or absent. The digest of a cached model is checked again at every use.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from registry.artifacts import copy_artifact
from registry.digest import check_digest
from registry.location import check_location
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.states import DesiredModel

KEEP = 5
STALE_S = 3600
_TEMPORARY = ".temporary-"


class ModelCache:
    """A folder of downloaded models.

    Args:
        folder: of the cache; created with the first model.
        tracking_uri: MLflow's; models from elsewhere are rejected. None allows any location.
        keep: the number of most recently used models to keep.
    """

    def __init__(self, folder: Path, tracking_uri: str | None = None, keep: int = KEEP) -> None:
        self._folder = folder
        self._tracking_uri = tracking_uri
        self._keep = keep

    def fetch(self, desired: DesiredModel) -> Path:
        """The folder of a model, downloaded if it is not cached yet. Blocks.

        Raises:
            RegistryUnavailableError: MLflow does not answer, or the cache cannot be written, as on a full disk.
            ModelRejectedError: ("digest") the artifact is missing or differs from what was registered; ("location") it
                is outside the registry.
        """
        if len(desired.digest) != 64 or set(desired.digest) - set("0123456789abcdef"):  # noqa: PLR2004 - sha256
            raise ModelRejectedError("digest", f"version {desired.version} has no digest: {desired.digest[:80]!r}")
        if self._tracking_uri is not None:
            check_location(desired.uri, self._tracking_uri)
        model = self._folder / desired.digest
        try:
            if not self._is_intact(model, desired.digest):
                self._download(model, desired)
            os.utime(model)
            self._prune(model)
        except OSError as error:
            raise RegistryUnavailableError(f"{self._folder} cannot store a model now: {_cause(error)}") from error
        return model

    def _is_intact(self, model: Path, digest: str) -> bool:
        if not model.is_dir():
            return False
        try:
            check_digest(model, digest)
        except (ModelRejectedError, FileNotFoundError):
            # damaged on disk, or pruned by another process while it was read: download it again
            self._remove(model)
            return False
        return True

    def _download(self, model: Path, desired: DesiredModel) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._folder))
        try:
            copy = temporary / "model"
            copy_artifact(desired.uri, copy, self._tracking_uri)
            check_digest(copy, desired.digest)
            try:
                copy.rename(model)
            except OSError:
                # another process was faster; its copy passed the same check
                if not model.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _prune(self, keep: Path) -> None:
        models: list[tuple[float, Path]] = []
        for path in self._folder.iterdir():
            try:
                used_s = path.stat().st_mtime
            except FileNotFoundError:  # another process prunes too
                continue
            if not path.name.startswith("."):
                models.append((used_s, path))
            elif time.time() - used_s > STALE_S:  # left by a process that died
                shutil.rmtree(path, ignore_errors=True)
        for _, path in sorted(models, reverse=True)[self._keep :]:
            if path != keep:
                self._remove(path)

    def _remove(self, model: Path) -> None:
        """Remove a model; it is renamed first, so that other processes never read half of it."""
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._folder))
        try:
            model.rename(temporary / "model")
        except FileNotFoundError:  # another process was faster
            pass
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _cause(error: OSError) -> str:
    """The cause without paths, since an error of copying a folder names each of its files."""
    if isinstance(error, shutil.Error):
        *_, last = error.args[0][-1]
        return str(last).partition(": '")[0]
    return error.strerror or str(error)
