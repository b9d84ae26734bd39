"""Erases one subject from the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import redis

from monitoring.archive.files import ArchiveFile
from monitoring.archive.folder import ArchiveFolder, hash_of
from schemas.errors import DataError
from transport.entries import EntryId

_LEASE_S = 60
"""Time after which an erasure that died leaves the log to the next one; longer than a file takes."""


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


@contextmanager
def erasing_alone(client: redis.Redis, key: str) -> Iterator[Callable[[], object]]:
    """Keep other erasures away, which would write older rows back; yields what must be called for each file.

    Raises:
        DataError: another one is at work.
        redis.exceptions.RedisError: as the server answered.
    """
    if not client.set(key, "1", nx=True, ex=_LEASE_S):
        raise DataError(f"another `tasador forget` is at work: try again, at the latest in {_LEASE_S} s")
    try:
        yield lambda: client.expire(key, _LEASE_S)
    finally:
        client.delete(key)


def erase_subject(
    folder: ArchiveFolder, subject: str, until: EntryId, on_file: Callable[[], object] = lambda: None
) -> ErasureResult:
    """Remove a subject's predictions from the log, and the outcomes of its listings.

    Each file is replaced atomically; running it again after a crash finishes the work. Predictions on the stream up to
    `until` that are not in the log yet will not be written to it. Only one may run at a time (`erasing_alone`).

    Args:
        folder: of the log.
        subject: of the predictions.
        until: the newest prediction.
        on_file: called for each file.
    """
    folder.record_erasure(subject, until)
    erased: set[tuple[str, str]] = set()
    kept: set[tuple[str, str]] = set()
    predictions = files = 0
    for file in folder.files("predictions"):
        on_file()
        of_subject, others = _split(file, subject)
        erased.update(_identities(of_subject))
        kept.update(_identities(others))
        predictions += of_subject.num_rows
        files += of_subject.num_rows > 0
    # outcomes first: only the predictions say which subject they belong to, and a crash may come in between
    outcomes, outcome_files = _erase_outcomes(folder, erased - kept, on_file)
    for file in folder.files("predictions"):
        on_file()
        of_subject, others = _split(file, subject)
        if of_subject.num_rows:
            file.write(others)
    folder.clear()
    return ErasureResult(predictions, outcomes, files + outcome_files)


def without_erased(table: pa.Table, erased: Mapping[str, str]) -> pa.Table:
    """Rows without those of erased subjects.

    Args:
        table: rows of predictions or outcomes; an outcome names no subject, so it stays.
        erased: as `ArchiveFolder.erased_subjects` returns them.
    """
    if not erased or "subject" not in table.column_names:
        return table
    rows = zip(table["subject"].to_pylist(), table["prediction_id"].to_pylist(), strict=True)
    ends = ((erased.get(hash_of(subject or "")), prediction_id) for subject, prediction_id in rows)
    return table.filter(
        pa.array([end is None or EntryId.parse(at) > EntryId.parse(end) for end, at in ends], pa.bool_())
    )


def _split(file: ArchiveFile, subject: str) -> tuple[pa.Table, pa.Table]:
    table = file.read()
    is_of_subject = pc.fill_null(pc.equal(table.column("subject"), pa.scalar(subject)), False)  # noqa: FBT003
    return table.filter(is_of_subject), table.filter(pc.invert(is_of_subject))


def _erase_outcomes(
    folder: ArchiveFolder, identities: set[tuple[str, str]], on_file: Callable[[], object]
) -> tuple[int, int]:
    rows = files = 0
    for file in folder.files("outcomes"):
        on_file()
        table = file.read()
        keep = [identity not in identities for identity in _identities(table)]
        if not all(keep):
            file.write(table.filter(pa.array(keep)))
            rows += keep.count(False)
            files += 1
    return rows, files


def _identities(table: pa.Table) -> list[tuple[str, str]]:
    sources, ids = table.column("listing_source").to_pylist(), table.column("listing_id").to_pylist()
    return list(zip(sources, ids, strict=True))
