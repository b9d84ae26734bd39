"""Checks a file's columns against a domain, and converts its cells to values of the features.

A cell that cannot be converted to its feature's kind stays text, so that the consumer refuses the listing and explains
why, and no content of a file is lost silently.
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
"""The texts that stand for a missing value."""

_JSON = (str, int, float, list, dict, type(None))


def check_columns(where: str, names: Sequence[str], domain: Domain, id_column: str | None) -> None:
    """Check the columns of a file before its first row is published.

    Args:
        where: the file, for the message.
        names: its columns.
        domain: declares the features; the target may be a column, and is dropped.
        id_column: the column of ids, if there is one.

    Raises:
        DataError: a column is unknown, missing or duplicated; the message names it.
    """
    known = ", ".join(domain.columns)
    if id_column is not None and id_column in domain.columns:
        raise DataError(f"{where}: the id column {id_column!r} is a feature of {domain.name}")
    if id_column is not None and id_column not in names:
        raise DataError(f"{where}: no id column {id_column!r}; the columns are {', '.join(names)}")
    if duplicates := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{where}: duplicate column {duplicates[0]!r}")
    if unknown := [name for name in names if name not in {*domain.columns, domain.target.name, id_column}]:
        hint = "" if id_column else "; if it holds ids, name it with --id-column"
        raise DataError(f"{where}: unknown column {', '.join(map(repr, unknown))}; known columns are {known}{hint}")
    if missing := [f.column for f in domain.features if not f.may_miss and f.column not in names]:
        raise DataError(f"{where}: missing column {', '.join(map(repr, missing))}, required by {domain.name}")


def cell_reader(feature: Feature) -> Callable[[str], float | int | str | None]:
    """The function that converts a cell's text to a value of that feature."""
    if feature.kind == "number":
        return _number
    if feature.kind == "integer":
        return _integer
    missing = MISSING.difference(feature.categories)
    return lambda text: None if text in missing else text


def json_value(value: Any, categories: Collection[str] = ()) -> Any:
    """A typed value of a JSON or Parquet row as a JSON value; the texts for a missing value are those of CSV.

    NaN becomes null and infinity text, because JSON has neither, although Python's writer accepts both. Values of other
    types, such as dates, become text too.
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
    # Python also accepts 1_000, infinity and digits of other scripts
    return value if math.isfinite(value) and stripped.isascii() and "_" not in stripped else text


def _integer(text: str) -> float | int | str | None:
    value = _number(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value
