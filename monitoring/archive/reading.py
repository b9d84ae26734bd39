"""The audit log read back: predictions by identity, and all rows with the outcomes that came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring.archive.folder import ArchiveFolder, Kind
from monitoring.archive.rows import ArchiveRows
from monitoring.outcomes.prediction_index import KEPT_DAYS, IndexedPrediction, identity_of
from schemas.domain import Domain

if TYPE_CHECKING:
    import pandas as pd

IDENTITY = ["listing_source", "listing_id"]


def find_predictions(folder: ArchiveFolder, domain: Domain, identities: Sequence[str]) -> dict[str, IndexedPrediction]:
    """The newest prediction of each identity among those of the days that quality is told of.

    Newest days are looked at first, and no more than needed.
    """
    wanted, found = set(identities), dict[str, IndexedPrediction]()
    ids = pa.array({identity.partition("\n")[2] for identity in wanted}, pa.string())
    oldest = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date().isoformat()
    for path in reversed(folder.files("predictions")):
        if not wanted or path.parent.name.removeprefix("day=") < oldest:
            break
        table = pq.read_table(path, partitioning=None, filters=pc.field("listing_id").isin(ids))
        for row in reversed(table.to_pylist()):
            identity = identity_of(row["listing_source"], row["listing_id"])
            if identity in wanted:
                wanted.discard(identity)
                found[identity] = _known(domain, row)
    return found


def _known(domain: Domain, row: dict[str, Any]) -> IndexedPrediction:
    at_ms = round(row["predicted_at"].timestamp() * 1000)
    features = {column: row[column] for column in domain.columns} if row["has_features"] else {}
    return IndexedPrediction(row["entry_id"], at_ms, row["prediction"], row["model_version"], features)


def read_archive(folder: ArchiveFolder, rows: ArchiveRows) -> pd.DataFrame:
    """Every prediction with its features and its outcome, oldest first; of several outcomes the last one counts.

    Where a listing was predicted several times, its outcome stands beside each prediction. The whole log is held in
    memory.
    """
    predictions: pd.DataFrame = _read(folder, "predictions", rows.predictions).to_pandas()
    outcomes = _read(folder, "outcomes", rows.outcomes).to_pandas()
    last = outcomes.drop_duplicates(IDENTITY, keep="last")[[*IDENTITY, "outcome", "came_at"]]
    joined: pd.DataFrame = predictions.merge(last, how="left", on=IDENTITY, validate="many_to_one")
    return joined


def _read(folder: ArchiveFolder, kind: Kind, schema: pa.Schema) -> pa.Table:
    # a column that the domain has got since is empty in older files
    tables = [pq.read_table(path, partitioning=None) for path in folder.files(kind)]
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive")
