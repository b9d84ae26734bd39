"""The digest of a stored model: one SHA-256 over every file of its folder.

It covers sorted relative paths and the hash of each file. MLflow writes `registered_model_meta` into the folder when a
client loads ``models:/name@alias`` from a local store, so that file is excluded; the product does not read it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from schemas.errors import ModelRejectedError

EXCLUDED = frozenset({"registered_model_meta"})


def digest_of(folder: Path) -> str:
    """The digest of a model's folder, as 64 hexadecimal characters.

    Raises:
        ModelRejectedError: ("digest") the folder holds anything but regular files and folders.
    """
    whole = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda p: p.relative_to(folder).as_posix()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def check_digest(folder: Path, expected: str) -> None:
    """Check that a folder has the digest that was registered.

    Raises:
        ModelRejectedError: ("digest") it does not.
    """
    actual = digest_of(folder)
    if actual != expected:
        raise ModelRejectedError(
            "digest", f"the stored model has been changed: its digest is {actual[:12]}, not {expected[:12]}"
        )


def _files(folder: Path) -> list[Path]:
    files: list[Path] = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        # a link may point out of the folder, and its target may change after the check
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ModelRejectedError("digest", f"the stored model holds {name!r}, which is not a regular file")
        if "\n" in name or "\\" in name:
            raise ModelRejectedError("digest", f"the stored model holds a file with the invalid name {name!r}")
        if path.is_file() and name not in EXCLUDED:
            files.append(path)
    if not files:
        raise ModelRejectedError("digest", f"no stored model in {folder}")
    return files
