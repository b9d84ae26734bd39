"""The digest of a stored model: one sha256 over every file of its folder.

It covers sorted relative paths and the hash of each file. MLflow writes `registered_model_meta` into a folder whenever
somebody loads ``models:/name@alias`` from a local store, so that file alone is left out; nothing here reads it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from schemas.errors import ModelRejectedError

LEFT_OUT = frozenset({"registered_model_meta"})


def digest_of(folder: Path) -> str:
    """The digest of a model's folder, as 64 hexadecimal characters.

    Raises:
        ModelRejectedError: ("digest") it holds anything but plain files and folders.
    """
    whole = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda p: p.relative_to(folder).as_posix()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def check_digest(folder: Path, expected: str) -> None:
    """Check that a folder holds what was registered.

    Raises:
        ModelRejectedError: ("digest") it does not.
    """
    found = digest_of(folder)
    if found != expected:
        raise ModelRejectedError(
            "digest", f"the stored model has been changed: its digest is {found[:12]}, registered was {expected[:12]}"
        )


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        # a link may lead out of the folder, and what it leads to may change after the check
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ModelRejectedError("digest", f"the stored model holds {name!r}, which is no plain file")
        if "\n" in name or "\\" in name:
            raise ModelRejectedError("digest", f"the stored model holds a file with the name {name!r}")
        if path.is_file() and name not in LEFT_OUT:
            found.append(path)
    if not found:
        raise ModelRejectedError("digest", f"no stored model in {folder}")
    return found
