"""Listings for tests: the rows of Boston housing, and their events."""

from __future__ import annotations

import json
from typing import Any

from schemas.domain import load_domain

Row = dict[str, Any]


def read_boston_rows() -> list[Row]:
    """The 506 rows of Boston housing, without the target; CHAS and RAD are ints."""
    domain = load_domain("housing")
    return [{column: row[column] for column in domain.columns} for row in domain.contract.built_in_table()]


def listing(row: Row, id: str, **attributes: Any) -> bytes:
    """The JSON of a listing event; `attributes` go into the envelope."""
    return json.dumps({"id": id, "data": row, **attributes}).encode()
