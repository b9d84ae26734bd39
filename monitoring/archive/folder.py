"""The folder of the audit log: files by kind and day, named after the first and last entry in them.

``predictions/day=2026-11-20/1795132800000-0_1795132859999-3.parquet``. Files are renamed into place when complete, so
their names record the position of the log, and an archiver that crashed continues after the last of them. A file of
another shard than the first names it: ``1795132800000-0_1795132859999-3@2.parquet``.
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
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.shards import entry_name, split_entry
from transport.entries import EntryId

ArchiveKind = Literal["predictions", "outcomes"]
_DAY = "day="
_PART = ".part"
_ERASED = "forgotten.json"


class FileRange(NamedTuple):
    """Which entries of which shard a file holds."""

    shard: int
    first: EntryId
    last: EntryId


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
        """All files of a kind, of all shards, oldest first."""
        return sorted((self.root / kind).glob(f"{_DAY}*/*.parquet"), key=lambda path: range_of(path).last)

    def position(self, kind: ArchiveKind, shard: int = 0) -> EntryId:
        """The last entry of a shard in the log; 0-0 if there is none."""
        days = sorted((self.root / kind).glob(f"{_DAY}*"), reverse=True)
        for day in days:
            ranges = map(range_of, day.glob("*.parquet"))
            if ends := [each.last for each in ranges if each.shard == shard]:
                return max(ends)
        return EntryId(0, 0)

    def write(self, kind: ArchiveKind, table: pa.Table, first: EntryId, last: EntryId, shard: int = 0) -> Path:
        """Write the rows of a shard's entries `first` to `last`, all of one day; synced to disk on return."""
        folder = self.root / kind / f"{_DAY}{day_of(first)}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{first}_{entry_name(shard, str(last))}.parquet"
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


def range_of(path: Path) -> FileRange:
    """What a file holds, by its name."""
    first, _, name = path.stem.partition("_")
    shard, last = split_entry(name)
    return FileRange(shard, EntryId.parse(first), EntryId.parse(last))
