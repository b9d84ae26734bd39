"""The columns and cells of a file against a domain: which columns there may be, and what a cell means.

A cell is read as its feature's kind. What cannot be read so stays the text it is: the consumer refuses it and says why,
so that nothing a file holds disappears without a trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any

from schemas.domain import Domain
from schemas.errors import DataError
from schemas.features import Feature

MISSING = frozenset({"", "NA", "NaN", "null"})
"""What stands for a missing value."""

_JSON = (str, int, float, list, dict, type(None))


def check_columns(where: str, names: Sequence[str], domain: Domain, id_column: str | None) -> None:
    """Check the columns of a file before its first row is published.

    Args:
        where: the file, for the message.
        names: its columns.
        domain: whose features they are; the target may be among them and is dropped.
        id_column: the column of ids, where there is one.

    Raises:
        DataError: a column is unknown, missing or there twice; the message names it.
    """
    known = ", ".join(domain.columns)
    if id_column is not None and id_column in domain.columns:
        raise DataError(f"{where}: the column of ids, {id_column!r}, is a feature of {domain.name}")
    if id_column is not None and id_column not in names:
        raise DataError(f"{where}: no column {id_column!r} to take ids from; there are {', '.join(names)}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{where}: column {twice[0]!r} is there twice")
    if unknown := [name for name in names if name not in {*domain.columns, domain.target.name, id_column}]:
        hint = "" if id_column else "; if it holds ids, name it with --id-column"
        raise DataError(f"{where}: unknown column {', '.join(map(repr, unknown))}; known are {known}{hint}")
    if missing := [f.column for f in domain.features if not f.may_miss and f.column not in names]:
        raise DataError(f"{where}: no column {', '.join(map(repr, missing))}, which {domain.name} needs")


def cell_reader(feature: Feature) -> Callable[[str], float | int | str | None]:
    """How the text of a cell becomes a value of that feature."""
    if feature.kind == "number":
        return _number
    if feature.kind == "integer":
        return _integer
    markers = MISSING.difference(feature.categories)
    return lambda text: None if text in markers else text


def json_value(value: Any, categories: Collection[str] = ()) -> Any:
    """A value of a JSON or Parquet row: typed already, but the words for a missing value mean the same as in CSV.

    Numbers beyond JSON, which Python's writer lets through, become null (NaN) or text (infinity). What has no form in
    JSON at all, such as a date, becomes text too.
    """
    if isinstance(value, str):
        return None if value in MISSING and value not in categories else value
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else str(value)
    return value if isinstance(value, _JSON) else str(value)


def _number(text: str) -> float | str | None:
    stripped = text.strip()
    if stripped in MISSING:
        return None
    try:
        value = float(stripped)
    except ValueError:
        return text
    # Python also reads 1_000, infinity and the digits of other scripts
    return value if math.isfinite(value) and stripped.isascii() and "_" not in stripped else text


def _integer(text: str) -> float | int | str | None:
    value = _number(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value
