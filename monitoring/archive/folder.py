"""The folder of the audit log: files by kind and day, each written whole, its name telling which entries it holds.

``predictions/day=2026-11-20/1795132800000-0_1795132859999-3.parquet``. The name of a file is the record of how far the
log goes: a file appears by one rename, so an archiver that died goes on after the last entry that is in a file.
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

Kind = Literal["predictions", "outcomes"]
_DAY = "day="
_PART = ".part"
_FORGOTTEN = "forgotten.json"


class ArchiveFolder:
    """The audit log of one domain on disk.

    Args:
        root: its folder; made with the first file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one on this machine who writes here."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def files(self, kind: Kind) -> list[Path]:
        """All files of a kind, oldest first."""
        return sorted((self.root / kind).glob(f"{_DAY}*/*.parquet"), key=_last)

    def position(self, kind: Kind) -> EntryId:
        """The last entry that is in the log."""
        days = sorted((self.root / kind).glob(f"{_DAY}*"), reverse=True)
        for day in days:
            if files := list(day.glob("*.parquet")):
                return max(_last(path) for path in files)
        return EntryId(0, 0)

    def write(self, kind: Kind, table: pa.Table, first: EntryId, last: EntryId) -> Path:
        """Write the rows of entries `first` to `last`, all of one day; they are on disk when this returns."""
        folder = self.root / kind / f"{_DAY}{day_of(first)}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{first}_{last}.parquet"
        replace_file(path, table)
        return path

    def prune(self, kind: Kind, keep_days: int, now_ms: int) -> int:
        """Remove days that are older; how many those were."""
        oldest = day_of(EntryId(now_ms - keep_days * 86_400_000, 0))
        old = [path for path in (self.root / kind).glob(f"{_DAY}*") if path.name.removeprefix(_DAY) < oldest]
        for path in old:
            shutil.rmtree(path)
        return len(old)

    def forgotten(self) -> dict[str, str]:
        """Up to which entry rows of a subject are left out, by the subject's hash."""
        path = self.root / _FORGOTTEN
        stored: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return stored

    def note_forgotten(self, subject: str, last: EntryId) -> None:
        """Leave out what of a subject is not in the log yet, up to an entry. The subject itself is not kept."""
        path = self.root / _FORGOTTEN
        part = path.with_suffix(_PART)
        part.write_text(json.dumps(self.forgotten() | {hash_of(subject): str(last)}), encoding="utf-8")
        part.replace(path)


def replace_file(path: Path, table: pa.Table) -> None:
    """Put a file into place, whole or not at all, whatever crashes."""
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
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=entry.ms)).date().isoformat()


def hash_of(subject: str) -> str:
    """How a forgotten subject is remembered."""
    return hashlib.sha256(subject.encode()).hexdigest()


def _last(path: Path) -> EntryId:
    return EntryId.parse(path.stem.partition("_")[2])
