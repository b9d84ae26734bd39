"""Tables from Kaggle, through kagglehub.

kagglehub has no limit of time or size and keeps what it fetches outside the home folder unless a variable says
otherwise. So it runs in a process of its own, which is watched, and ended when it is silent or takes too much.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from schemas.errors import DataError
from schemas.sections import SourcesSettings
from training.progress import Progress

LOOK_EVERY_S = 0.2
TELL_EVERY_S = 2.0
TABLES = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Handle:
    """``owner/name``, ``owner/name/versions/3``, and either with ``/file`` after it.

    Attributes:
        dataset: as kagglehub wants it.
        file: of the dataset; None for its only table.
    """

    dataset: str
    file: str | None


def read_handle(text: str) -> Handle:
    """Read what stands after ``kaggle:``.

    Raises:
        DataError: it names no dataset.
    """
    parts = text.split("/")
    if len(parts) < 2 or not all(parts) or ".." in parts:  # noqa: PLR2004 - an owner and a name
        raise DataError(f"kaggle:{text}: name a dataset as kaggle:owner/name or kaggle:owner/name/file.csv")
    size = 4 if parts[2:3] == ["versions"] and "".join(parts[3:4]).isdigit() else 2
    return Handle("/".join(parts[:size]), "/".join(parts[size:]) or None)


def fetch(handle: Handle, sources: SourcesSettings, folder: Path, progress: Progress) -> Path:
    """Download a dataset's table, unless this version of it has been downloaded before.

    Args:
        handle: which one.
        sources: how long nothing may come, and how large it may be.
        folder: where kagglehub keeps what it fetches.
        progress: is told every two seconds how much has come.

    Raises:
        DataError: it cannot be had, or is too large, or the dataset has several tables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"kaggle:{handle.dataset}"
    command = [sys.executable, "-m", "training.data.kaggle_process", handle.dataset, handle.file or ""]
    environment = os.environ | {"KAGGLEHUB_CACHE": str(folder.resolve()), "KAGGLEHUB_VERBOSITY": "error"}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            answer, complaint = _watch(process, name, sources, folder, progress)
        finally:
            process.kill()
    if process.returncode != 0:
        raise DataError(f"{name}: {_last_line(complaint) or 'kagglehub failed'}")
    return _only_table(Path(_last_line(answer)), name)


def _watch(
    process: subprocess.Popen[str], name: str, sources: SourcesSettings, folder: Path, progress: Progress
) -> tuple[str, str]:
    """What the process said, once it has ended."""
    before = size = _size(folder)
    heard = told = monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK_EVERY_S)
        now = monotonic()
        if (grown := _size(folder)) != size:
            size, heard = grown, now
        if size - before > sources.max_bytes:
            raise DataError(f"{name}: is larger than {sources.max_bytes:,} bytes (sources.max_bytes)")
        if now - heard > sources.timeout_s:
            raise DataError(f"{name}: nothing came for {sources.timeout_s:g} s (sources.timeout_s)")
        if now - told > TELL_EVERY_S:
            progress(f"{name}: {size - before:,} bytes")
            told = now


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # an archive goes when it has been unpacked
            total += path.stat().st_size if path.is_file() else 0
    return total


def _only_table(found: Path, name: str) -> Path:
    if found.is_file():
        return found
    tables = sorted(path for path in found.rglob("*") if path.suffix.lower() in TABLES)
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise DataError(f"{name}: holds no CSV or Parquet file")
    raise DataError(f"{name}: name one of its tables: {', '.join(f'{name}/{t.relative_to(found)}' for t in tables)}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
