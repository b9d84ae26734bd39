"""Listings for tests: the real rows of Boston housing, and their events."""

from __future__ import annotations

import json
from typing import Any

from schemas.domain import load_domain

Row = dict[str, Any]


def read_boston_rows() -> list[Row]:
    """The 506 rows by column name, without the target; CHAS and RAD are ints."""
    from mlxtend.data import boston_housing_data

    columns = load_domain("housing").columns
    values, _ = boston_housing_data()
    rows: list[Row] = [dict(zip(columns, row, strict=True)) for row in values.tolist()]
    return [row | {"CHAS": int(row["CHAS"]), "RAD": int(row["RAD"])} for row in rows]


def listing(row: Row, id: str, **attributes: Any) -> bytes:
    """The JSON of a listing event; `attributes` go into the envelope."""
    return json.dumps({"id": id, "data": row, **attributes}).encode()
