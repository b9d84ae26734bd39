"""Where the files of the audit log are: on a disk, or in an object store that fsspec reaches.

Both write a whole file at once: it is there completely or not at all, and replaces an older one in the same way.
"""

from __future__ import annotations

import io
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from schemas.errors import ArchiveUnavailableError, ConfigurationError

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
"""By scheme, the package that fsspec needs; the extra of this project has the scheme's name."""
_ERRORS = {
    "s3": (("botocore.exceptions", "BotoCoreError"),),
    "gs": (("gcsfs.retry", "HttpError"), ("google.auth.exceptions", "GoogleAuthError")),
    "az": (("azure.core.exceptions", "AzureError"),),
}
"""By scheme, errors that are no OSError."""
_PART = ".part"


class ArchiveStorage(Protocol):
    """Files under their full names: paths, or URLs such as ``s3://bucket/housing/…``."""

    def children(self, folder: str) -> list[str]:
        """Full names of what is directly in a folder; empty if there is none."""

    def files(self, folder: str) -> list[str]:
        """Full names of all files below a folder; empty if there is none."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def read(self, name: str) -> BinaryIO:
        """A file, of which most will be read.

        Raises:
            OSError: there is none, or it cannot be read.
        """

    def peek(self, name: str) -> BinaryIO:
        """A file, of which little will be read; raises as `read`."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, durably and all at once; folders are made."""

    def delete(self, folder: str) -> None:
        """Delete a folder with all that is in it."""

    def clear(self, folder: str) -> None:
        """Delete what writers that died have left unfinished; one that is alive fails, and has to try again."""

    def signature(self, name: str) -> str:
        """What changes when the file does; raises as `read`."""


class DiskStorage:
    """Files on a disk of this machine."""

    def children(self, folder: str) -> list[str]:
        """As the protocol says."""
        path = Path(folder)
        return [str(each) for each in path.iterdir()] if path.is_dir() else []

    def files(self, folder: str) -> list[str]:
        """As the protocol says."""
        return [str(each) for each in Path(folder).rglob("*") if each.is_file()]

    def exists(self, name: str) -> bool:
        """As the protocol says."""
        return Path(name).exists()

    def read(self, name: str) -> BinaryIO:
        """As the protocol says."""
        return Path(name).open("rb")

    def peek(self, name: str) -> BinaryIO:
        """As the protocol says."""
        return self.read(name)

    def write(self, name: str, content: bytes) -> None:
        """As the protocol says."""
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # hidden, because pandas reads every other file of a folder; unique, because monitors may write the same file
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_PART}")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self, folder: str) -> None:
        """As the protocol says."""
        shutil.rmtree(folder)

    def clear(self, folder: str) -> None:
        """As the protocol says."""
        for part in Path(folder).rglob(f".*{_PART}"):
            part.unlink(missing_ok=True)

    def signature(self, name: str) -> str:
        """As the protocol says."""
        state = Path(name).stat()
        return f"{state.st_size} {state.st_mtime_ns}"


class ObjectStorage:
    """Objects in a bucket or container. Credentials come from the environment variables of the provider.

    Args:
        scheme: of all names.

    Raises:
        ConfigurationError: the package for the scheme is not installed.
    """

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        package = _PACKAGES[scheme]
        try:
            import_module(package)
            fsspec = import_module("fsspec")
        except ImportError as error:
            raise ConfigurationError(
                f"archive.folder is in {scheme}://, but {package} is not installed: pip install 'tasador[{scheme}]'"
            ) from error
        self._errors = (OSError, *(getattr(import_module(module), name) for module, name in _ERRORS[scheme]))
        with self._asking(f"{scheme}://"):
            self._objects: Any = fsspec.filesystem(scheme)

    def children(self, folder: str) -> list[str]:
        """As the protocol says."""
        self._objects.invalidate_cache()
        with suppress(FileNotFoundError), self._asking(folder):
            return self._named(self._objects.ls(folder, detail=False))
        return []

    def files(self, folder: str) -> list[str]:
        """As the protocol says."""
        self._objects.invalidate_cache()
        with suppress(FileNotFoundError), self._asking(folder):
            return self._named(self._objects.find(folder))
        return []

    def exists(self, name: str) -> bool:
        """As the protocol says."""
        self._objects.invalidate_cache()
        with self._asking(name):
            return bool(self._objects.exists(name))

    def read(self, name: str) -> BinaryIO:
        """As the protocol says; in one request, so that another version cannot come in between."""
        with self._asking(name):
            return io.BytesIO(self._objects.cat_file(name))

    def peek(self, name: str) -> BinaryIO:
        """As the protocol says."""
        self._objects.invalidate_cache()
        with self._asking(name):
            file: BinaryIO = self._objects.open(name, "rb", cache_type="none")
            return file

    def write(self, name: str, content: bytes) -> None:
        """As the protocol says."""
        with self._asking(name, may_lack=False):
            self._objects.pipe_file(name, content)

    def delete(self, folder: str) -> None:
        """As the protocol says."""
        with self._asking(folder):
            self._objects.rm(folder, recursive=True)

    def clear(self, folder: str) -> None:
        """As the protocol says: an upload that is not finished is no object."""

    def signature(self, name: str) -> str:
        """As the protocol says."""
        self._objects.invalidate_cache()
        with self._asking(name):
            return str(self._objects.ukey(name))

    def _named(self, paths: list[str]) -> list[str]:
        return [f"{self._scheme}://{path}" for path in paths]

    @contextmanager
    def _asking(self, name: str, *, may_lack: bool = True) -> Iterator[None]:
        """Translate errors of the provider.

        Raises:
            FileNotFoundError: there is no such object, and it `may_lack`.
            ArchiveUnavailableError: the store does not answer, or refuses.
        """
        try:
            yield
        except self._errors as error:
            if may_lack and isinstance(error, FileNotFoundError):
                raise
            text = " ".join(str(error).split())
            raise ArchiveUnavailableError(f"audit log {name}: {text}") from error


def storage_of(name: str) -> ArchiveStorage:
    """The storage of a file or folder.

    Raises:
        ConfigurationError: the package for the object store is not installed.
    """
    scheme, separator, _ = name.partition("://")
    return _objects(scheme) if separator else DiskStorage()


@cache
def _objects(scheme: str) -> ObjectStorage:
    return ObjectStorage(scheme)
