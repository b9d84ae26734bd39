"""Builds the rows of the audit log from predictions, their listings, and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from msgspec.structs import astuple
from pydantic import ValidationError

from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import DomainError, RefusedListingError
from schemas.events import Outcome, Prediction
from schemas.sections import LimitSettings
from schemas.streams import DATA_FIELD
from transport.entries import EntryId
from transport.reading import RawEntry

SCHEMA_VERSION = "1"
"""Of the columns that docs/outcomes.md describes. A new column that may be empty does not change it; one that is gone,
renamed, or of another type or meaning does."""
VERSION_KEY = b"tasador.schema"
"""Where the version is in the metadata of a file."""
_METADATA = {VERSION_KEY: SCHEMA_VERSION}

_INSTANT = pa.timestamp("ms", tz="UTC")
_PREDICTION_COLUMNS = (
    ("entry_id", pa.string()),
    ("shard", pa.int32()),
    ("prediction_id", pa.string()),
    ("predicted_at", _INSTANT),
    ("listing_id", pa.string()),
    ("listing_source", pa.string()),
    ("subject", pa.string()),
    ("model_version", pa.string()),
    ("model_activation", pa.string()),
    ("model_rollout", pa.string()),
    ("model_arm", pa.string()),
    ("model_fallback", pa.bool_()),
    ("has_features", pa.bool_()),
    ("stored", pa.list_(pa.string())),
    ("interval_low", pa.float64()),
    ("interval_high", pa.float64()),
    ("candidates", pa.list_(pa.string())),
    ("interval_coverage", pa.float64()),
)
_OUTCOME_COLUMNS = (
    ("outcome_entry_id", pa.string()),
    ("came_at", _INSTANT),
    ("listing_id", pa.string()),
    ("listing_source", pa.string()),
)


@dataclass(frozen=True, slots=True)
class ArchiveTable:
    """Rows ready to be written, and how many of them lack features because their listing was trimmed."""

    table: pa.Table
    without_features: int = 0


class ArchiveRows:
    """Builds rows of one domain.

    Args:
        domain: its features and target become columns.
        limits: for decoding listings.

    Raises:
        DomainError: a feature has the name of another column.
    """

    def __init__(self, domain: Domain, limits: LimitSettings) -> None:
        self._domain = domain
        # a listing that was predicted lacked nothing, but perhaps only thanks to stored features
        self._decoder = ListingDecoder(domain, limits, may_lack=True)
        target = pa.string() if domain.target.classes else pa.float64()
        reserved = [*_PREDICTION_COLUMNS, ("prediction", target)]
        names = {"day", "outcome", *(name for name, _ in reserved)}
        if clashes := sorted(names & {*domain.columns}):
            raise DomainError(f"domain {domain.name}: the audit log reserves the column names {', '.join(clashes)}")
        features = [(f.column, pa.string() if f.categories else pa.float64()) for f in domain.features]
        self.predictions = pa.schema([*reserved, *features], _METADATA)
        self.outcomes = pa.schema([*_OUTCOME_COLUMNS, ("outcome", target)], _METADATA)

    def of_predictions(
        self, entries: Sequence[RawEntry], listings: Mapping[str, Mapping[bytes, bytes]], shard: int = 0
    ) -> ArchiveTable:
        """Rows of a shard's predictions, joined with their listings by entry id."""
        rows: list[dict[str, Any]] = []
        missing = 0
        for entry_id, fields in entries:
            event = Prediction.model_validate_json(fields[DATA_FIELD])
            stored = event.data.stored or {}
            low, high = event.data.interval or (None, None)
            features = self._features(listings.get(event.id), stored)
            missing += features is None
            rows.append(
                {
                    "entry_id": event.id,
                    "shard": shard,
                    "prediction_id": entry_id.decode(),
                    "predicted_at": EntryId.parse(entry_id).moment_ms,
                    "listing_id": event.data.listing_id,
                    "listing_source": event.data.listing_source,
                    "subject": event.subject,
                    "model_version": event.data.model.version,
                    "model_activation": event.data.model.activation,
                    "model_rollout": event.data.model.rollout,
                    "model_arm": event.data.model.arm,
                    "model_fallback": bool(event.data.model.fallback),
                    "has_features": features is not None,
                    "stored": [*stored],
                    "interval_low": low,
                    "interval_high": high,
                    "candidates": event.data.candidates,
                    "interval_coverage": event.data.coverage,
                    "prediction": event.data.prediction,
                    **(features or {}),
                }
            )
        return ArchiveTable(_table(rows, self.predictions), missing)

    def of_outcomes(self, entries: Sequence[RawEntry]) -> ArchiveTable:
        """Rows of outcomes; entries that are not outcomes of this domain are left out."""
        kind = str if self._domain.target.classes else float
        rows = []
        for entry_id, fields in entries:
            try:
                data = Outcome.model_validate_json(fields[DATA_FIELD]).data
            except (KeyError, ValidationError):
                continue
            if isinstance(data.outcome, kind):
                rows.append(
                    {
                        "outcome_entry_id": entry_id.decode(),
                        "came_at": EntryId.parse(entry_id).moment_ms,
                        "listing_id": data.listing_id,
                        "listing_source": data.listing_source,
                        "outcome": data.outcome,
                    }
                )
        return ArchiveTable(_table(rows, self.outcomes))

    def _features(
        self, fields: Mapping[bytes, bytes] | None, stored: Mapping[str, float | str]
    ) -> dict[str, object] | None:
        """The features with which a listing was scored; `stored` are those that its event lacked."""
        if fields is None:
            return None
        try:
            data = self._decoder.decode(payload_of(fields)).data
        except RefusedListingError:
            return None
        features = {**dict(zip(self._domain.columns, astuple(data), strict=True)), **stored}
        return {name: float(each) if isinstance(each, int | float) else each for name, each in features.items()}


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema}
    return pa.table(columns, schema=schema)
