"""One file of the audit log, scored again: read and written a part at a time, and complete or absent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring.archive.files import ArchiveFile
from registry.cache import ModelCache
from registry.loading import load_to_serve
from registry.location import cache_folder_of, tracking_uri_of
from registry.scorer import Scorer
from schemas.classes import winners_of
from schemas.domain import Domain
from schemas.errors import DataError
from schemas.rows import RowBuilder
from schemas.settings import Settings
from schemas.states import DesiredModel

ROWS = 65_536
"""Rows that are held and scored at once."""
KEPT = (
    "entry_id",
    "shard",
    "prediction_id",
    "predicted_at",
    "listing_id",
    "listing_source",
    "subject",
    "model_version",
    "prediction",
)
"""Columns that are taken over from the audit log."""
_SOURCE = b"tasador"
_HAS_FEATURES = "has_features"
_PART = ".part"

_scorers: dict[str, Scorer] = {}


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to score again.

    Attributes:
        settings: of the domain, with its registry and cache.
        model: that scores.
        source: the file of the audit log.
        target: the file that is written.
    """

    settings: Settings
    model: DesiredModel
    source: ArchiveFile
    target: Path

    @property
    def signature(self) -> bytes:
        """What the file is made from; another one makes it anew."""
        return json.dumps([self.model.digest, self.source.signature()]).encode()


@dataclass(frozen=True, slots=True)
class RescoredFile:
    """A file that was scored again.

    Attributes:
        rows: that were scored.
        left_out: rows without features, which nothing can score.
        is_new: False if it was there already.
    """

    rows: int
    left_out: int
    is_new: bool = True


def rescore_file(task: FileTask) -> RescoredFile:
    """Score a file again, unless that has been done.

    Raises:
        DataError: the file cannot be read or written, or a category of it is not declared by the domain.
        ModelRejectedError: the model cannot be used.
        RegistryUnavailableError: it cannot be loaded now.
        ArchiveUnavailableError: the object store of the log does not answer.
    """
    try:
        signature = task.signature
        if (found := _read_result(task.target, signature)) is not None:
            return found
        return _write(task, signature)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{task.source} cannot be scored again: {error}") from error
    except KeyError as error:
        raise DataError(f"{task.source}: {error} is not declared by domain {task.settings.domain}") from error


def _read_result(target: Path, signature: bytes) -> RescoredFile | None:
    """What was written earlier from the same source; None if there is none."""
    if not target.exists():
        return None
    file = pq.read_metadata(target)
    metadata = file.metadata or {}
    if metadata.get(_SOURCE) != signature:
        return None
    return RescoredFile(file.num_rows, int(metadata[b"left_out"]), is_new=False)


def _write(task: FileTask, signature: bytes) -> RescoredFile:
    domain = task.settings.load_domain()
    scorer, builder = _scorer_of(task), RowBuilder(domain)
    rows = left_out = 0
    task.target.parent.mkdir(parents=True, exist_ok=True)
    # of its own, because Dask may run a task again while the worker that it has lost goes on
    part = task.target.with_name(f".{task.target.name}.{uuid.uuid4().hex}{_PART}")
    with pq.ParquetWriter(part, _schema_of(domain), compression="zstd") as writer:
        for table in _parts_of(task.source, {*KEPT, *domain.columns, _HAS_FEATURES}):
            usable = table.filter(table[_HAS_FEATURES])
            left_out += len(table) - len(usable)
            rows += len(usable)
            writer.write_table(_rescored(task, usable, domain, scorer, builder))
        writer.add_key_value_metadata({_SOURCE: signature, b"left_out": str(left_out).encode()})
    part.replace(task.target)
    return RescoredFile(rows, left_out)


def clear_unfinished(out: Path) -> None:
    """Delete what processes that died have left in a folder of results."""
    for part in out.rglob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def _parts_of(source: ArchiveFile, wanted: Collection[str]) -> Iterator[pa.Table]:
    """The rows of a file with some of its columns, some at a time."""
    with source.opened() as content, pq.ParquetFile(content) as file:
        columns = [name for name in file.schema_arrow.names if name in wanted]
        for batch in file.iter_batches(ROWS, columns=columns):
            yield pa.Table.from_batches([batch])


def _schema_of(domain: Domain) -> pa.Schema:
    target = pa.string() if domain.target.classes else pa.float64()
    kinds: dict[str, Any] = {"shard": pa.int32(), "predicted_at": pa.timestamp("ms", tz="UTC"), "prediction": target}
    kept = [(name, kinds.get(name, pa.string())) for name in KEPT]
    return pa.schema([*kept, ("rescored_version", pa.string()), ("rescored", target)])


def _rescored(task: FileTask, table: pa.Table, domain: Domain, scorer: Scorer, builder: RowBuilder) -> pa.Table:
    # a feature that the domain gained later is a gap in older files
    known = [name for name in domain.columns if name in table.column_names]
    frame = table.select(known).to_pandas().reindex(columns=domain.columns)
    classes, values = domain.target.classes, np.empty(0)
    if len(table):
        scores = scorer.score(builder.matrix_of_frame(frame))
        values = np.array(classes)[winners_of(scores, classes)] if classes else scores
    schema = _schema_of(domain)
    # older files lack the shard
    kept = {name: table[name] if name in table.column_names else pa.nulls(len(table)) for name in KEPT}
    columns = {name: column.cast(schema.field(name).type) for name, column in kept.items()}
    version = pa.repeat(pa.scalar(task.model.version, pa.string()), len(table))
    rescored = pa.array(values, schema.field("rescored").type)
    return pa.table({**columns, "rescored_version": version, "rescored": rescored}, schema=schema)


def _scorer_of(task: FileTask) -> Scorer:
    """The model, loaded once in each process with all checks that a consumer makes."""
    digest = task.model.digest
    if digest not in _scorers:
        cache = ModelCache(cache_folder_of(task.settings), tracking_uri_of(task.settings))
        _scorers[digest] = load_to_serve(cache.fetch(task.model), task.settings.load_domain())
    return _scorers[digest]
