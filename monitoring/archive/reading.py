"""Reads the audit log: predictions by identity, and all rows joined with their outcomes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from monitoring.archive.folder import ArchiveFolder, ArchiveKind
from monitoring.archive.rows import ArchiveRows
from monitoring.outcomes.prediction_index import KEPT_DAYS, IndexedPrediction, identity_of
from schemas.domain import Domain

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ["listing_source", "listing_id"]


def find_predictions(folder: ArchiveFolder, domain: Domain, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
    """The newest prediction of each identity within the days that quality covers.

    Reads the newest days first and stops as soon as every identity is found.
    """
    missing, predictions = set(identities), dict[str, IndexedPrediction]()
    ids = pa.array({identity.partition("\n")[2] for identity in missing}, pa.string())
    oldest = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date().isoformat()
    for file in reversed(folder.files("predictions")):
        if not missing or file.day < oldest:
            break
        table = file.read(filters=pc.field("listing_id").isin(ids))
        for row in reversed(table.to_pylist()):
            identity = identity_of(row["listing_source"], row["listing_id"])
            if identity in missing:
                missing.discard(identity)
                predictions[identity] = _prediction_of(domain, row)
    return predictions


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
    for file in reversed(folder.files("predictions")):
        rows: list[dict[str, Any]] = file.read(filters=wanted).to_pylist()
        if rows:
            return rows[-1]
    return None


def search_rows(folder: ArchiveFolder, text: str, most: int, deadline_s: float) -> tuple[list[dict[str, Any]], bool]:
    """Predictions whose listing's entry, id or subject is a text, as rows of `monitoring.archive.rows`, newest first.

    Args:
        folder: of the log.
        text: that is searched.
        most: number of rows.
        deadline_s: of the clock `time.monotonic`, at which the search is given up.

    Returns:
        The rows, and whether every file was looked at or enough was found.
    """
    wanted = (pc.field("entry_id") == text) | (pc.field("listing_id") == text) | (pc.field("subject") == text)
    rows: list[dict[str, Any]] = []
    for file in reversed(folder.files("predictions")):
        if time.monotonic() > deadline_s:
            return rows, False
        rows += reversed(file.read(filters=wanted).to_pylist())
        if len(rows) >= most:
            break
    return rows[:most], True


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


def _prediction_of(domain: Domain, row: dict[str, Any]) -> IndexedPrediction:
    at_ms = round(row["predicted_at"].timestamp() * 1000)
    features = {column: row[column] for column in domain.columns} if row["has_features"] else {}
    held = ranges_of(row)
    return IndexedPrediction(
        row["entry_id"],
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
    predictions: pd.DataFrame = _read(folder, "predictions", rows.predictions).to_pandas()
    outcomes = _read(folder, "outcomes", rows.outcomes).to_pandas()
    last = outcomes.drop_duplicates(IDENTITY, keep="last")[[*IDENTITY, "outcome", "came_at"]]
    joined: pd.DataFrame = predictions.merge(last, how="left", on=IDENTITY, validate="many_to_one")
    return joined


def _read(folder: ArchiveFolder, kind: ArchiveKind, schema: pa.Schema) -> pa.Table:
    # a column that the domain gained later is empty in older files
    tables = [file.read() for file in folder.files(kind)]
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive")
