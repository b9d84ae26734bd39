"""Made-up flats that are sold one after the other, in a market that moves or does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from monitoring.archive.files import EntrySpan
from monitoring.archive.folder import ArchiveKind
from monitoring.archive.location import archive_of
from monitoring.archive.rows import ArchiveRows
from schemas.features import Features, Number, Target, feature
from schemas.sections import DomainSettings
from schemas.settings import Settings, load_settings
from transport.entries import EntryId

DAYS = 160
PER_DAY = 40
DEAR = 4000
"""Price from which a flat is dear."""


class _Dated(Features):
    area: Number = feature(ge=0, le=500, unit="m²", description="area")
    quarter: Literal["harbour", "hill"] = feature(unit="", description="quarter")


class DatedFlats(_Dated):
    """Their price."""

    name: ClassVar[str] = "dated_flats"
    target: ClassVar[Target] = Target("price", unit="euros")


class DatedLevels(_Dated):
    """Whether they are dear."""

    name: ClassVar[str] = "dated_levels"
    target: ClassVar[Target] = Target("level", classes=("cheap", "dear"))


def dated_flats(path: Path, rows: int = 1600, growth: float = 0.0, seed: int = 4) -> Path:
    """Write a table of flats.

    Args:
        path: of the file.
        rows: evenly over `DAYS`.
        growth: of the price of a square metre over all days, as a share.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    days = np.sort(rng.uniform(0, DAYS, rows))
    area, quarter = rng.uniform(20, 150, rows), rng.choice(["harbour", "hill"], rows)
    price = 30 * area * np.where(quarter == "hill", 1.5, 1.0) * (1 + growth * days / DAYS) + rng.normal(0, 150, rows)
    sold = pd.Timestamp("2026-01-01") + pd.to_timedelta(days, "D")
    frame = pd.DataFrame({"sold": sold.map(pd.Timestamp.isoformat), "area": area, "quarter": quarter, "price": price})
    frame["level"] = np.where(price >= DEAR, "dear", "cheap")
    frame.sample(frac=1, random_state=seed).to_csv(path, index=False)
    return path


def flat_settings(home: Path, contract: type[Features] = DatedFlats, **sections: Any) -> Settings:
    """Settings of a domain."""
    listed = DomainSettings(path=f"{contract.__module__}:{contract.__name__}")
    return load_settings(home=home, domain=contract.name, domains={contract.name: listed}, **sections)


def write_log(settings: Settings, days: int, late_days: int) -> None:
    """Write an audit log of `PER_DAY` predictions a day, whose outcomes come some days later, except the last one's."""
    rng = np.random.default_rng(9)
    folder, rows = archive_of(settings), ArchiveRows(settings.load_domain(), settings.limits)
    for day in range(days):
        start = int(pd.Timestamp("2026-01-01").timestamp() * 1000) + day * 86_400_000
        predictions, outcomes = list[dict[str, Any]](), list[dict[str, Any]]()
        for number in range(PER_DAY):
            at, area = start + number * 1000, float(rng.uniform(20, 150))
            listing = {"listing_id": f"l-{day}-{number}", "listing_source": "tests"}
            features = {"area": area, "quarter": "hill", "has_features": True, "prediction": 30 * area}
            predictions.append({**listing, **features, "entry_id": f"{at}-0", "predicted_at": at})
            came = at + late_days * 86_400_000
            outcome = 45 * area + float(rng.normal(0, 50))
            outcomes.append({**listing, "outcome_entry_id": f"{came}-0", "came_at": came, "outcome": outcome})
        if day == days - 1:
            outcomes.pop()
        parts: list[tuple[ArchiveKind, pa.Schema, list[dict[str, Any]], int]] = [
            ("predictions", rows.predictions, predictions, start),
            ("outcomes", rows.outcomes, outcomes, start + late_days * 86_400_000),
        ]
        for kind, schema, found, at in parts:
            columns = {each.name: pa.array([row.get(each.name) for row in found], each.type) for each in schema}
            span = EntrySpan(EntryId(at, 0), EntryId(at + 1000 * PER_DAY, 0))
            folder.write(kind, pa.table(columns, schema=schema), span)
