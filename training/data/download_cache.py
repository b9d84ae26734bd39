"""Downloaded tables in the home folder, each under the hash of its bytes, with its provenance beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from training.data.provenance import file_sha256
from training.data.reading import is_parquet

FOLDER = "data"


def shelf_of(home: Path) -> Path:
    """The folder of downloaded tables and of all provenance."""
    return home / FOLDER


def put(file: Path, shelf: Path) -> Path:
    """Copy a file onto the shelf unless it is there; returns where it lies."""
    shelf.mkdir(parents=True, exist_ok=True)
    sha256 = file_sha256(file)
    path = shelf / f"{sha256}{'.parquet' if is_parquet(file) else '.csv'}"
    if not path.exists():
        part = path.with_suffix(".part")
        shutil.copyfile(file, part)
        part.replace(path)
    return path
