"""The cache of downloaded tables in the home folder, each named by the hash of its bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tables.opening import format_of
from training.data.provenance import file_sha256

FOLDER = "data"


def cache_folder(home: Path) -> Path:
    """The folder of downloaded tables, which also holds the provenance of all tables."""
    return home / FOLDER


def store_file(file: Path, folder: Path) -> Path:
    """Copy a table into the cache, unless the cache has it; returns its path there.

    Raises:
        DataError: it is not a table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_sha256(file)}.{format_of(file)}"
    if not path.exists():
        part = path.with_suffix(".part")
        shutil.copyfile(file, part)
        part.replace(path)
    return path
