"""Reads the audit log: predictions by identity, and all rows joined with their outcomes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from monitoring.archive.files import ArchiveFile
from monitoring.archive.folder import ArchiveFolder
from monitoring.archive.rows import ArchiveRows
from monitoring.outcomes.prediction_index import KEPT_DAYS, IndexedPrediction, identity_of
from schemas.domain import Domain
from schemas.shards import entry_name
from transport.entries import EntryId

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ["listing_source", "listing_id"]


def find_predictions(folder: ArchiveFolder, domain: Domain, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
    """The newest prediction of each identity within the days that quality covers.

    Reads the newest days first and stops as soon as every identity is found.
    """
    missing, found = set(identities), dict[str, dict[str, Any]]()
    ids = pa.array({identity.partition("\n")[2] for identity in missing}, pa.string())
    oldest = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date().isoformat()
    for file in reversed(folder.files("predictions")):
        missing = {each for each in missing if each not in found or _is_in_time(found[each], file)}
        if not missing or file.day < oldest:
            break
        for row in file.read(filters=pc.field("listing_id").isin(ids)).to_pylist():
            identity = identity_of(row["listing_source"], row["listing_id"])
            if identity in missing:
                found[identity] = _newer(found.get(identity), row)
    return {identity: _prediction_of(domain, row) for identity, row in found.items()}


def find_row(folder: ArchiveFolder, listing_id: str, source: str | None = None) -> dict[str, Any] | None:
    """The newest prediction of a listing as the row of `monitoring.archive.rows`; None if the log has none.

    Args:
        folder: of the log.
        listing_id: its id.
        source: its source; None for any.
    """
    wanted = pc.field("listing_id") == listing_id
    if source is not None:
        wanted &= pc.field("listing_source") == source
    found: dict[str, Any] | None = None
    for file in reversed(folder.files("predictions")):
        if found is not None and not _is_in_time(found, file):
            break
        for row in file.read(filters=wanted).to_pylist():
            found = _newer(found, row)
    return found


def search_rows(
    folder: ArchiveFolder, text: str, most: int, deadline_s: float, shard: int | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """Predictions whose listing's entry, id or subject is a text, as rows of `monitoring.archive.rows`, newest first.

    Args:
        folder: of the log.
        text: that is searched.
        most: number of rows.
        deadline_s: of the clock `time.monotonic`, at which the search is given up.
        shard: the only one that is searched; None for all.

    Returns:
        The rows, and whether every file was looked at or enough was found.
    """
    wanted = (pc.field("entry_id") == text) | (pc.field("listing_id") == text) | (pc.field("subject") == text)
    rows: list[dict[str, Any]] = []
    for file in reversed(folder.files("predictions")):
        if shard is not None and file.span.shard != shard:
            continue
        if len(rows) == most and not _is_in_time(rows[-1], file):
            break
        if time.monotonic() > deadline_s:
            return rows, False
        rows += file.read(filters=wanted).to_pylist()
        rows = sorted(rows, key=_predicted, reverse=True)[:most]
    return rows, True


def find_outcome(folder: ArchiveFolder, listing_id: str, source: str, deadline_s: float) -> dict[str, Any] | None:
    """The newest outcome of a listing as a row of the log; None if there is none, or it was not found in time."""
    wanted = (pc.field("listing_id") == listing_id) & (pc.field("listing_source") == source)
    for file in reversed(folder.files("outcomes")):
        if time.monotonic() > deadline_s:
            break
        rows: list[dict[str, Any]] = file.read(filters=wanted).to_pylist()
        if rows:
            return rows[-1]
    return None


def _predicted(row: Mapping[str, Any]) -> EntryId:
    return EntryId.parse(row["prediction_id"])


def _is_in_time(row: Mapping[str, Any], file: ArchiveFile) -> bool:
    """Whether a file may have a newer row: files of several shards overlap in time."""
    return file.span.last > _predicted(row)


def _newer(found: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    return row if found is None or _predicted(row) >= _predicted(found) else found


def _prediction_of(domain: Domain, row: dict[str, Any]) -> IndexedPrediction:
    at_ms = round(row["predicted_at"].timestamp() * 1000)
    features = {column: row[column] for column in domain.columns} if row["has_features"] else {}
    held = ranges_of(row)
    return IndexedPrediction(
        entry_name(row.get("shard") or 0, row["entry_id"]),
        at_ms,
        row["prediction"],
        row["model_version"],
        features,
        held=held.get("interval", held.get("candidates")),
        promised=held.get("coverage"),
    )


def ranges_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The interval or the candidates, and the coverage, of a row, as in its prediction; empty if it had none."""
    if row.get("interval_coverage") is None:
        return {}
    interval = {"interval": [row["interval_low"], row["interval_high"]]}
    ranges = interval if row["candidates"] is None else {"candidates": row["candidates"]}
    return {**ranges, "coverage": row["interval_coverage"]}


def read_archive(folder: ArchiveFolder, rows: ArchiveRows) -> pd.DataFrame:
    """Every prediction with its features and the last outcome of its listing, oldest first.

    Where a listing was predicted several times, each prediction gets the outcome. The whole log is held in memory.
    """
    files = folder.files("predictions")
    table = _read(files, rows.predictions)
    if any(file.span.shard for file in files):
        # files of several shards overlap in time
        table = table.sort_by("predicted_at")
    predictions: pd.DataFrame = table.to_pandas()
    outcomes = _read(folder.files("outcomes"), rows.outcomes).to_pandas()
    last = outcomes.drop_duplicates(IDENTITY, keep="last")[[*IDENTITY, "outcome", "came_at"]]
    joined: pd.DataFrame = predictions.merge(last, how="left", on=IDENTITY, validate="many_to_one")
    return joined


def _read(files: Sequence[ArchiveFile], schema: pa.Schema) -> pa.Table:
    # a column that the domain gained later is empty in older files
    return pa.concat_tables([schema.empty_table(), *(file.read() for file in files)], promote_options="permissive")
