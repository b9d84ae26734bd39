"""Erases one subject from the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring.archive.folder import ArchiveFolder, replace_file
from transport.entries import EntryId


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """What was erased.

    Attributes:
        predictions: rows of predictions.
        outcomes: rows of outcomes of the same listings.
        files: number of rewritten files.
    """

    predictions: int
    outcomes: int
    files: int


def erase_subject(folder: ArchiveFolder, subject: str, until: EntryId) -> ErasureResult:
    """Remove a subject's predictions from the log, and the outcomes of its listings.

    Each file is replaced atomically; running it again after a crash finishes the work. Predictions on the stream up to
    `until` that are not in the log yet will not be written to it.
    """
    with folder.locked():
        folder.record_erasure(subject, until)
        erased: set[tuple[str, str]] = set()
        kept: set[tuple[str, str]] = set()
        predictions = files = 0
        for path in folder.files("predictions"):
            of_subject, others = _split(path, subject)
            erased.update(_identities(of_subject))
            kept.update(_identities(others))
            predictions += of_subject.num_rows
            files += of_subject.num_rows > 0
        # outcomes first: only the predictions say which subject they belong to, and a crash may come in between
        outcomes, outcome_files = _erase_outcomes(folder, erased - kept)
        for path in folder.files("predictions"):
            of_subject, others = _split(path, subject)
            if of_subject.num_rows:
                replace_file(path, others)
    return ErasureResult(predictions, outcomes, files + outcome_files)


def _split(path: Path, subject: str) -> tuple[pa.Table, pa.Table]:
    table = pq.read_table(path, partitioning=None)
    is_of_subject = pc.fill_null(pc.equal(table.column("subject"), pa.scalar(subject)), False)  # noqa: FBT003
    return table.filter(is_of_subject), table.filter(pc.invert(is_of_subject))


def _erase_outcomes(folder: ArchiveFolder, identities: set[tuple[str, str]]) -> tuple[int, int]:
    rows = files = 0
    for path in folder.files("outcomes"):
        table = pq.read_table(path, partitioning=None)
        keep = [identity not in identities for identity in _identities(table)]
        if not all(keep):
            replace_file(path, table.filter(pa.array(keep)))
            rows += keep.count(False)
            files += 1
    return rows, files


def _identities(table: pa.Table) -> list[tuple[str, str]]:
    sources, ids = table.column("listing_source").to_pylist(), table.column("listing_id").to_pylist()
    return list(zip(sources, ids, strict=True))
