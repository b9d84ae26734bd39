"""The demo's listings: the Boston table with missing values as in its widely used copy, and a few broken ones."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.domain import Domain

if TYPE_CHECKING:
    import pandas as pd

SEED = 42
GAPS_PER_FEATURE = 20

_GOOD_ROW = {"CRIM": 0.00632, "ZN": 18.0, "INDUS": 2.31, "CHAS": 0, "NOX": 0.538, "RM": 6.575, "AGE": 65.2}
_GOOD_ROW |= {"DIS": 4.09, "RAD": 1, "TAX": 296, "PTRATIO": 15.3, "B": 396.9, "LSTAT": 4.98}
_WITHOUT_DIS = {column: value for column, value in _GOOD_ROW.items() if column != "DIS"}


@dataclass(frozen=True, slots=True)
class DemoListing:
    """One listing to publish.

    Attributes:
        payload: JSON of the event.
        row: row in the table, counted from 0; None for a broken listing.
        price: the true price in the target's unit; None for a broken listing.
    """

    payload: bytes
    row: int | None = None
    price: float | None = None


def demo_listings(table: pd.DataFrame, domain: Domain, run: str) -> list[DemoListing]:
    """Every row of the table as a listing, with broken ones in between; only the ids differ from run to run.

    Args:
        table: the domain's columns and its target.
        domain: housing.
        run: part of every id, so that the listings of a second demo are not repeats.
    """
    rng = random.Random(SEED)  # noqa: S311 - not used for secrets
    gaps = {
        feature.column: set(rng.sample(range(len(table)), GAPS_PER_FEATURE))
        for feature in domain.features
        if feature.may_miss
    }
    listings = []
    for row, values in enumerate(table.to_dict("records")):
        data = {column: None if row in gaps.get(column, ()) else values[column] for column in domain.columns}
        payload = _event(f"boston-{row}-{run}", data)
        listings.append(DemoListing(payload, row, float(values[domain.target.name])))
    for payload in broken_payloads(run):
        listings.insert(rng.randrange(len(listings)), DemoListing(payload))
    return listings


def broken_payloads(run: str) -> list[bytes]:
    """Listings that must be refused, each for a different reason, the last for several."""
    return [
        b'{"id": "broken-1-%s", "data": {"RM": 6.5, ' % run.encode(),
        _event(None, _GOOD_ROW),
        _event(f"broken-3-{run}", _GOOD_ROW | {"POOL": 1}),
        _event(f"broken-4-{run}", _WITHOUT_DIS),
        _event(f"broken-5-{run}", _GOOD_ROW | {"RM": "six"}),
        _event(f"broken-6-{run}", _GOOD_ROW | {"AGE": 130}),
        _event(f"broken-7-{run}", _WITHOUT_DIS | {"CHAS": 2, "TAX": "high", "RM": None}),
    ]


def _event(id: str | None, data: dict[str, Any]) -> bytes:
    event: dict[str, Any] = {"specversion": "1.0", "source": "/demo", "type": "listing.submitted", "data": data}
    return json.dumps(event if id is None else {"id": id, **event}).encode()
