"""Models on this machine's disk, each in a folder named by its digest.

Several processes share one cache: a model is put together aside and renamed into place whole, and whoever comes second
finds it there. A model that is read back is checked as if it had just been fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from registry.artifacts import copy_artifact
from registry.digest import check_digest
from registry.location import check_belongs
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.states import DesiredModel

KEEP = 5
LEFT_OVER_S = 3600
_ASIDE = ".aside-"


class ModelCache:
    """A folder of fetched models.

    Args:
        folder: where they lie; created with the first one.
        tracking_uri: MLflow's: nothing that lies elsewhere is fetched. None where the caller vouches for the place.
        keep: how many of the models last used are kept.
    """

    def __init__(self, folder: Path, tracking_uri: str | None = None, keep: int = KEEP) -> None:
        self._folder = folder
        self._tracking_uri = tracking_uri
        self._keep = keep

    def fetch(self, desired: DesiredModel) -> Path:
        """The folder of a model, fetched if it is not here yet. Blocks.

        Raises:
            RegistryUnavailableError: MLflow does not answer, or the model cannot be kept here now, as on a full disk.
            ModelRejectedError: ("digest") what lies there is not what was registered, or nothing does; ("location") it
                lies outside the registry.
        """
        if len(desired.digest) != 64 or set(desired.digest) - set("0123456789abcdef"):  # noqa: PLR2004 - sha256
            raise ModelRejectedError("digest", f"version {desired.version} has no digest: {desired.digest[:80]!r}")
        if self._tracking_uri is not None:
            check_belongs(desired.uri, self._tracking_uri)
        place = self._folder / desired.digest
        try:
            if not self._is_whole(place, desired.digest):
                self._put(place, desired)
            os.utime(place)
            self._prune(place)
        except OSError as error:
            raise RegistryUnavailableError(f"{self._folder} cannot keep a model now: {_cause(error)}") from error
        return place

    def _is_whole(self, place: Path, digest: str) -> bool:
        if not place.is_dir():
            return False
        try:
            check_digest(place, digest)
        except (ModelRejectedError, FileNotFoundError):
            # damaged on disk, or pruned by a neighbour while it was read: fetch it again
            self._drop(place)
            return False
        return True

    def _put(self, place: Path, desired: DesiredModel) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=self._folder))
        try:
            model = aside / "model"
            copy_artifact(desired.uri, model, self._tracking_uri)
            check_digest(model, desired.digest)
            try:
                model.rename(place)
            except OSError:
                # a neighbour was faster; its copy passed the same check
                if not place.is_dir():
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _prune(self, keep: Path) -> None:
        models: list[tuple[float, Path]] = []
        for path in self._folder.iterdir():
            try:
                used_s = path.stat().st_mtime
            except FileNotFoundError:  # a neighbour prunes too
                continue
            if not path.name.startswith("."):
                models.append((used_s, path))
            elif time.time() - used_s > LEFT_OVER_S:  # of a process that died
                shutil.rmtree(path, ignore_errors=True)
        for _, path in sorted(models, reverse=True)[self._keep :]:
            if path != keep:
                self._drop(path)

    def _drop(self, place: Path) -> None:
        """Remove a model; out of sight at once, so that nobody finds half of it."""
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=self._folder))
        try:
            place.rename(aside / "model")
        except FileNotFoundError:  # a neighbour was faster
            pass
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _cause(error: OSError) -> str:
    """What went wrong, without the paths: copying a folder names each of its files."""
    if isinstance(error, shutil.Error):
        *_, last = error.args[0][-1]
        return str(last).partition(": '")[0]
    return error.strerror or str(error)
