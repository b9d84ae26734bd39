"""Compares the audit log with the streams that it was written from, a file at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import redis

from monitoring.archive.files import ArchiveFile
from monitoring.archive.folder import ArchiveFolder, ArchiveKind, hash_of
from monitoring.archive.location import archive_of
from monitoring.archive.rows import ArchiveRows
from operations.verification.log_report import LogReport
from operations.verification.problems import Problems
from operations.verification.report import OnProgress
from schemas.errors import DataError
from schemas.settings import Settings
from schemas.shards import entry_name
from transport.entries import EntryId
from transport.reading import RawEntry, scan
from transport.shards import read_layout

_IDS: dict[ArchiveKind, str] = {"predictions": "prediction_id", "outcomes": "outcome_entry_id"}
_COMPARED: dict[ArchiveKind, tuple[str, ...]] = {
    "predictions": ("entry_id", "listing_source", "listing_id", "subject", "model_version", "prediction"),
    "outcomes": ("listing_source", "listing_id", "outcome"),
}


@dataclass
class LogCheck:
    """Compares the log of one domain.

    Args:
        client: replies must be bytes.
        settings: of the domain.
        on_progress: called after each file.
    """

    client: redis.Redis
    settings: Settings
    on_progress: OnProgress = lambda _kind, _done, _total: None
    _problems: Problems = field(default_factory=Problems)
    _erased: int = 0

    def run(self) -> LogReport:
        """Compare every entry that is on a stream and that the log has come to.

        Raises:
            DataError: the log is empty or cannot be read.
            ArchiveUnavailableError: the object store of the log does not answer.
            redis.exceptions.RedisError: as the server answered.
        """
        folder, streams = archive_of(self.settings), self.settings.streams
        shards = read_layout(self.client, streams).streams(streams)
        positions = [folder.position("predictions", shard.shard) for shard in shards]
        if max(positions) == EntryId(0, 0):
            raise DataError(
                f"{folder.root}: the audit log is empty; the monitor writes it, and archive.folder says where"
            )
        rows = ArchiveRows(self.settings.load_domain(), self.settings.limits)
        predictions = sum(
            self._compare(
                folder, "predictions", shard.predictions, partial(_predictions, rows, shard.shard), shard.shard
            )
            for shard in shards
        )
        outcomes = self._compare(folder, "outcomes", streams.outcomes, lambda entries: rows.of_outcomes(entries).table)
        unlogged = (
            scan(self.client, shard.predictions, f"({position}")
            for shard, position in zip(shards, positions, strict=True)
        )
        return LogReport(
            folder=str(folder.root),
            predictions=predictions,
            outcomes=outcomes,
            erased=self._erased,
            unlogged=sum(1 for entries in unlogged for _ in entries),
            problem_counts=dict(self._problems.counts),
            problems=tuple(self._problems.kept),
        )

    def _compare(
        self, folder: ArchiveFolder, kind: ArchiveKind, key: str, rows_of: Callable[[Any], pa.Table], shard: int = 0
    ) -> int:
        """Compare one stream of a shard with its files; returns the number of entries."""
        erased = folder.erased_subjects()
        files = [file for file in folder.files(kind) if file.span.shard == shard]
        after, count = "-", 0
        for done, file in enumerate(files, start=1):
            last = str(file.span.last)
            logged = list(_logged(file, kind))
            expected = _by_id(rows_of(list(scan(self.client, key, after, last))), kind)
            first_kept = self._first(key)
            count += len(expected)
            self._compare_rows(kind, shard, expected, logged, first_kept, erased)
            after = f"({last}"
            self.on_progress(f"log of {kind}", done, len(files))
        return count

    def _compare_rows(
        self,
        kind: ArchiveKind,
        shard: int,
        expected: Mapping[str, Mapping[str, Any]],
        logged: list[tuple[str, Mapping[str, Any]]],
        first_kept: EntryId | None,
        erased: Mapping[str, str],
    ) -> None:
        found: set[str] = set()
        for entry_id, row in logged:
            wanted = expected.get(entry_id)
            if entry_id in found:
                self._problems.add("logged twice", entry_name(shard, entry_id), f"has two rows in the log of {kind}")
            elif wanted is None and first_kept is not None and EntryId.parse(entry_id) >= first_kept:
                self._problems.add(
                    "only logged", entry_name(shard, entry_id), f"is in the log of {kind}, but not on the stream"
                )
            elif wanted is not None and (names := [name for name in wanted if wanted[name] != row[name]]):
                differing = ", ".join(f"{name} {row[name]!r} in place of {wanted[name]!r}" for name in names)
                self._problems.add("logged differently", entry_name(shard, entry_id), differing)
            found.add(entry_id)
        for entry_id in expected.keys() - found:
            if self._is_erased(kind, entry_id, expected[entry_id], erased):
                self._erased += kind == "predictions"
            else:
                why = f"is not in the log of {kind}, which has later entries"
                self._problems.add("not logged", entry_name(shard, entry_id), why)

    def _is_erased(self, kind: ArchiveKind, entry_id: str, row: Mapping[str, Any], erased: Mapping[str, str]) -> bool:
        """Whether a row may be missing. An outcome names no subject, so any may be missing once one was erased."""
        if kind == "outcomes":
            return bool(erased)
        until = erased.get(hash_of(row["subject"] or ""))
        return until is not None and EntryId.parse(entry_id) <= EntryId.parse(until)

    def _first(self, key: str) -> EntryId | None:
        """The oldest entry that has not been trimmed."""
        entries: Any = self.client.xrange(key, count=1)
        return EntryId.parse(entries[0][0]) if entries else None


def _predictions(rows: ArchiveRows, shard: int, entries: Sequence[RawEntry]) -> pa.Table:
    return rows.of_predictions(entries, {}, shard).table


def _logged(file: ArchiveFile, kind: ArchiveKind) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of a file with their ids, also those that are there twice."""
    names = [_IDS[kind], *_COMPARED[kind]]
    try:
        rows: list[dict[str, Any]] = file.read(columns=names).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error
    for row in rows:
        yield row.pop(_IDS[kind]), row


def _by_id(table: pa.Table, kind: ArchiveKind) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select([_IDS[kind], *_COMPARED[kind]]).to_pylist()
    return {row.pop(_IDS[kind]): row for row in rows}
