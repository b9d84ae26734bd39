"""Reads the audit log: predictions by identity, and all rows joined with their outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring.archive.folder import ArchiveFolder, ArchiveKind, range_of
from monitoring.archive.rows import ArchiveRows
from monitoring.outcomes.prediction_index import KEPT_DAYS, IndexedPrediction, identity_of
from schemas.domain import Domain
from schemas.shards import entry_name

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
    for path in reversed(folder.files("predictions")):
        if not missing or path.parent.name.removeprefix("day=") < oldest:
            break
        table = pq.read_table(path, partitioning=None, filters=pc.field("listing_id").isin(ids))
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
    for path in reversed(folder.files("predictions")):
        rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None, filters=wanted).to_pylist()
        if rows:
            return rows[-1]
    return None


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
    table = _read(folder, "predictions", rows.predictions)
    if any(range_of(path).shard for path in folder.files("predictions")):
        # files of several shards overlap in time
        table = table.sort_by("predicted_at")
    predictions: pd.DataFrame = table.to_pandas()
    outcomes = _read(folder, "outcomes", rows.outcomes).to_pandas()
    last = outcomes.drop_duplicates(IDENTITY, keep="last")[[*IDENTITY, "outcome", "came_at"]]
    joined: pd.DataFrame = predictions.merge(last, how="left", on=IDENTITY, validate="many_to_one")
    return joined


def _read(folder: ArchiveFolder, kind: ArchiveKind, schema: pa.Schema) -> pa.Table:
    # a column that the domain gained later is empty in older files
    tables = [pq.read_table(path, partitioning=None) for path in folder.files(kind)]
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive")
