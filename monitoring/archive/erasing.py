"""Erasing one subject from the audit log."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring.archive.folder import ArchiveFolder, replace_file
from transport.entries import EntryId


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes:
        predictions: rows.
        outcomes: rows of the listings that these were about.
        files: that were written anew.
    """

    predictions: int
    outcomes: int
    files: int


def erase_subject(folder: ArchiveFolder, subject: str, until: EntryId) -> Erased:
    """Take a subject's predictions out of the log, and the outcomes of its listings.

    Files are replaced one by one, each whole; doing it again after a crash finishes the work. What lies on the stream
    up to `until` and is not in the log yet will not get into it.
    """
    with folder.locked():
        folder.note_forgotten(subject, until)
        gone: set[tuple[str, str]] = set()
        kept: set[tuple[str, str]] = set()
        predictions = files = 0
        for path in folder.files("predictions"):
            table = pq.read_table(path, partitioning=None)
            is_its = pc.fill_null(pc.equal(table.column("subject"), pa.scalar(subject)), False)  # noqa: FBT003
            its, others = table.filter(is_its), table.filter(pc.invert(is_its))
            gone |= _identities(its)
            kept |= _identities(others)
            predictions += its.num_rows
            files += its.num_rows > 0
        # outcomes first: after a crash, nothing but the predictions says whose they were
        outcomes, more = _erase_outcomes(folder, gone - kept)
        for path in folder.files("predictions"):
            table = pq.read_table(path, partitioning=None)
            is_its = pc.fill_null(pc.equal(table.column("subject"), pa.scalar(subject)), False)  # noqa: FBT003
            if pc.any(is_its).as_py():
                replace_file(path, table.filter(pc.invert(is_its)))
    return Erased(predictions, outcomes, files + more)


def _erase_outcomes(folder: ArchiveFolder, gone: set[tuple[str, str]]) -> tuple[int, int]:
    rows = files = 0
    for path in folder.files("outcomes"):
        table = pq.read_table(path, partitioning=None)
        keep = [identity not in gone for identity in _pairs(table)]
        if not all(keep):
            replace_file(path, table.filter(pa.array(keep)))
            rows += keep.count(False)
            files += 1
    return rows, files


def _identities(table: pa.Table) -> set[tuple[str, str]]:
    return set(_pairs(table))


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    sources, ids = table.column("listing_source").to_pylist(), table.column("listing_id").to_pylist()
    return list(zip(sources, ids, strict=True))
