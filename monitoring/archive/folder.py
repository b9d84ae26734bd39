"""The folder of the audit log: files by kind and day, on disk or in an object store.

``predictions/day=2026-11-20/1795132800000-0_1795132859999-3.parquet``. Files appear when they are complete, so their
names record how far the log is. A file of another shard than the first names it:
``1795132800000-0_1795132859999-3@2.parquet``.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa

from monitoring.archive.files import DAY, SUFFIX, ArchiveFile, EntrySpan
from monitoring.archive.storage import storage_of
from transport.entries import EntryId

ArchiveKind = Literal["predictions", "outcomes"]
_ERASED = "forgotten.json"


class ArchiveFolder:
    """The audit log of one domain.

    Args:
        root: its folder, as a path or URL; made with the first file.

    Raises:
        ConfigurationError: the package for the object store is not installed.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = str(root)
        self._storage = storage_of(self.root)

    def files(self, kind: ArchiveKind) -> list[ArchiveFile]:
        """All files of a kind, of all shards, oldest first."""
        return _sorted(self._storage.files(f"{self.root}/{kind}"))

    def position(self, kind: ArchiveKind, shard: int = 0) -> EntryId:
        """The last entry of a shard in the log; 0-0 if there is none."""
        for day in sorted(self._days(kind), reverse=True):
            spans = [file.span for file in _sorted(self._storage.children(day))]
            if ends := [span.last for span in spans if span.shard == shard]:
                return ends[-1]
        return EntryId(0, 0)

    def file_of(self, kind: ArchiveKind, span: EntrySpan) -> ArchiveFile:
        """The file of entries, which are all of one day and one shard."""
        return ArchiveFile(f"{self.root}/{kind}/{DAY}{day_of(span.first)}/{span}{SUFFIX}")

    def write(self, kind: ArchiveKind, table: pa.Table, span: EntrySpan) -> bool:
        """Write the rows of entries, durably; False if they are there already."""
        file = self.file_of(kind, span)
        if file.exists():
            return False
        file.write(table)
        return True

    def prune(self, kind: ArchiveKind, keep_days: int, now_ms: int) -> int:
        """Delete days older than `keep_days`; returns how many."""
        self.clear()
        oldest = day_of(EntryId(now_ms - keep_days * 86_400_000, 0))
        old = [day for day in self._days(kind) if day.rpartition(DAY)[2] < oldest]
        for day in old:
            self._storage.delete(day)
        return len(old)

    def clear(self) -> None:
        """Delete what writers that died have left unfinished."""
        self._storage.clear(self.root)

    def erased_subjects(self) -> dict[str, str]:
        """By the hash of each erased subject, the entry id up to which its rows are left out."""
        try:
            with self._storage.read(f"{self.root}/{_ERASED}") as file:
                stored: dict[str, str] = json.load(file)
        except FileNotFoundError:
            return {}
        return stored

    def record_erasure(self, subject: str, last: EntryId) -> None:
        """Record that rows of a subject up to an entry must not be written. Only the subject's hash is kept."""
        content = json.dumps(self.erased_subjects() | {hash_of(subject): str(last)})
        self._storage.write(f"{self.root}/{_ERASED}", content.encode())

    def _days(self, kind: ArchiveKind) -> list[str]:
        return [
            each.rstrip("/")
            for each in self._storage.children(f"{self.root}/{kind}")
            if each.rstrip("/").rpartition("/")[2].startswith(DAY)
        ]


def day_of(entry: EntryId) -> str:
    """The day of an entry, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=entry.moment_ms)).date().isoformat()


def hash_of(subject: str) -> str:
    """The hash under which an erased subject is recorded."""
    return hashlib.sha256(subject.encode()).hexdigest()


def _sorted(names: list[str]) -> list[ArchiveFile]:
    files = [ArchiveFile(name) for name in names if name.endswith(SUFFIX)]
    return sorted(files, key=lambda file: (file.span.last, file.span.shard))
