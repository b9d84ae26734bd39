"""The cache of downloaded tables in the home folder, each named by the hash of its bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

from training.data.provenance import file_sha256
from training.data.reading import is_parquet

FOLDER = "data"


def cache_folder(home: Path) -> Path:
    """The folder of downloaded tables, which also holds the provenance of all tables."""
    return home / FOLDER


def store_file(file: Path, folder: Path) -> Path:
    """Copy a file into the cache, unless the cache has it; returns its path there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_sha256(file)}{'.parquet' if is_parquet(file) else '.csv'}"
    if not path.exists():
        part = path.with_suffix(".part")
        shutil.copyfile(file, part)
        part.replace(path)
    return path
