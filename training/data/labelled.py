"""Labelled listings: rows of the audit log that have an outcome, as additional training data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.settings import Settings
from training.data.provenance import provenance_of
from training.data.sources import RawTable

if TYPE_CHECKING:
    import pandas as pd

PREDICTED_AT, KNOWN_AT = "predicted_at", "came_at"
"""Columns of the audit log: when a listing was predicted, and when its last outcome came."""
_IDENTITY = ["listing_source", "listing_id"]


def add_labelled(settings: Settings, raw: RawTable) -> RawTable:
    """Append each predicted listing that has an outcome, once; returns the same table if there is none.

    Listings whose features were lost before archiving are left out.
    """
    labelled = _labelled(settings)
    if labelled.empty:
        return raw
    import pandas as pd

    # as objects: a column holds text from a CSV file and numbers from the log, which are both read as numbers later
    frame = pd.concat([raw.frame.astype(object), labelled.astype(object)], ignore_index=True)
    source = f"{raw.source} and {len(labelled)} labelled listings"
    return RawTable(frame, source, provenance_of(frame, source), raw.decimal)


def read_labelled(settings: Settings) -> RawTable:
    """Each predicted listing that has an outcome, once, with the times `PREDICTED_AT` and `KNOWN_AT` of its outcome."""
    frame = _labelled(settings, (PREDICTED_AT, KNOWN_AT))
    return RawTable(frame.reset_index(drop=True), f"{len(frame)} labelled listings")


def _labelled(settings: Settings, more: Sequence[str] = ()) -> pd.DataFrame:
    from monitoring.archive.location import archive_of
    from monitoring.archive.reading import read_archive
    from monitoring.archive.rows import ArchiveRows

    domain = settings.load_domain()
    rows = read_archive(archive_of(settings), ArchiveRows(domain, settings.limits))
    labelled = rows[rows["has_features"].astype(bool) & rows["outcome"].notna()]
    last = labelled.drop_duplicates(_IDENTITY, keep="last")
    return last[[*domain.columns, "outcome", *more]].rename(columns={"outcome": domain.target.name})
