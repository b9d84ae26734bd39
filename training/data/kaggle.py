"""Tables from Kaggle, through kagglehub.

kagglehub has no limits on time or size, and takes its cache folder only from the environment. So it runs in a process
of its own, which is killed when it receives nothing for too long, or too much.
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

POLL_EVERY_S = 0.2
REPORT_EVERY_S = 2.0
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")


@dataclass(frozen=True, slots=True)
class Handle:
    """A dataset and a file: ``owner/name``, ``owner/name/versions/3``, either optionally followed by ``/file``.

    Attributes:
        dataset: owner and name, with the version if given.
        file: of the dataset; None for its only table.
    """

    dataset: str
    file: str | None


def read_handle(text: str) -> Handle:
    """Parse the text after ``kaggle:``.

    Raises:
        DataError: it is not a dataset's name.
    """
    parts = text.split("/")
    if len(parts) < 2 or not all(parts) or ".." in parts:  # noqa: PLR2004 - an owner and a name
        raise DataError(f"kaggle:{text}: name a dataset as kaggle:owner/name or kaggle:owner/name/file.csv")
    size = 4 if parts[2:3] == ["versions"] and "".join(parts[3:4]).isdigit() else 2
    return Handle("/".join(parts[:size]), "/".join(parts[size:]) or None)


def fetch(handle: Handle, sources: SourcesSettings, folder: Path, progress: Progress) -> Path:
    """Download a dataset's table, unless kagglehub has this version in its cache.

    Args:
        handle: of dataset and file.
        sources: the longest silence, and the largest size.
        folder: for kagglehub's cache.
        progress: called every two seconds with the number of bytes received.

    Raises:
        DataError: the table cannot be downloaded or is too large, or the dataset has several tables.
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
            output, errors = _communicate(process, name, sources, folder, progress)
        finally:
            process.kill()
    if process.returncode != 0:
        raise DataError(f"{name}: {_last_line(errors) or 'kagglehub failed'}")
    return _only_table(Path(_last_line(output)), name)


def _communicate(
    process: subprocess.Popen[str], name: str, sources: SourcesSettings, folder: Path, progress: Progress
) -> tuple[str, str]:
    """Wait for the process while its limits hold; returns its output and its errors."""
    size_before = size = _size(folder)
    received_at = reported_at = monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=POLL_EVERY_S)
        now = monotonic()
        if (new_size := _size(folder)) != size:
            size, received_at = new_size, now
        if size - size_before > sources.max_bytes:
            raise DataError(f"{name}: is larger than {sources.max_bytes:,} bytes (sources.max_bytes)")
        if now - received_at > sources.timeout_s:
            raise DataError(f"{name}: received nothing for {sources.timeout_s:g} s (sources.timeout_s)")
        if now - reported_at > REPORT_EVERY_S:
            progress(f"{name}: {size - size_before:,} bytes")
            reported_at = now


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # kagglehub deletes an archive after unpacking it
            total += path.stat().st_size if path.is_file() else 0
    return total


def _only_table(downloaded: Path, name: str) -> Path:
    if downloaded.is_file():
        return downloaded
    tables = sorted(path for path in downloaded.rglob("*") if path.suffix.lower() in TABLES)
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise DataError(f"{name}: contains no table ({', '.join(TABLES)})")
    names = ", ".join(f"{name}/{table.relative_to(downloaded)}" for table in tables)
    raise DataError(f"{name}: name one of its tables: {names}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
