"""The folder of the audit log: files by kind and day, named after the first and last entry in them.

``predictions/day=2026-11-20/1795132800000-0_1795132859999-3.parquet``. Files are renamed into place when complete, so
their names record the position of the log, and an archiver that crashed continues after the last of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from transport.entries import EntryId

ArchiveKind = Literal["predictions", "outcomes"]
_DAY = "day="
_PART = ".part"
_ERASED = "forgotten.json"


class ArchiveFolder:
    """The audit log of one domain on disk.

    Args:
        root: its folder; created with the first file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock on this folder against other writers on this machine."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def files(self, kind: ArchiveKind) -> list[Path]:
        """All files of a kind, oldest first."""
        return sorted((self.root / kind).glob(f"{_DAY}*/*.parquet"), key=_last)

    def position(self, kind: ArchiveKind) -> EntryId:
        """The last entry in the log; 0-0 if it is empty."""
        days = sorted((self.root / kind).glob(f"{_DAY}*"), reverse=True)
        for day in days:
            if files := list(day.glob("*.parquet")):
                return max(_last(path) for path in files)
        return EntryId(0, 0)

    def write(self, kind: ArchiveKind, table: pa.Table, first: EntryId, last: EntryId) -> Path:
        """Write the rows of entries `first` to `last`, all of one day; synced to disk on return."""
        folder = self.root / kind / f"{_DAY}{day_of(first)}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{first}_{last}.parquet"
        replace_file(path, table)
        return path

    def prune(self, kind: ArchiveKind, keep_days: int, now_ms: int) -> int:
        """Delete days older than `keep_days`; returns how many."""
        oldest = day_of(EntryId(now_ms - keep_days * 86_400_000, 0))
        old = [path for path in (self.root / kind).glob(f"{_DAY}*") if path.name.removeprefix(_DAY) < oldest]
        for path in old:
            shutil.rmtree(path)
        return len(old)

    def erased_subjects(self) -> dict[str, str]:
        """By the hash of each erased subject, the entry id up to which its rows are left out."""
        path = self.root / _ERASED
        stored: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return stored

    def record_erasure(self, subject: str, last: EntryId) -> None:
        """Record that rows of a subject up to an entry must not be written. Only the subject's hash is kept."""
        path = self.root / _ERASED
        part = path.with_suffix(_PART)
        part.write_text(json.dumps(self.erased_subjects() | {hash_of(subject): str(last)}), encoding="utf-8")
        part.replace(path)


def replace_file(path: Path, table: pa.Table) -> None:
    """Write a file atomically and sync it to disk."""
    part = path.with_suffix(_PART)
    with part.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def day_of(entry: EntryId) -> str:
    """The day of an entry, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=entry.moment_ms)).date().isoformat()


def hash_of(subject: str) -> str:
    """The hash under which an erased subject is recorded."""
    return hashlib.sha256(subject.encode()).hexdigest()


def _last(path: Path) -> EntryId:
    return EntryId.parse(path.stem.partition("_")[2])
