"""Checks a file's columns against a domain before its first row is published."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from schemas.domain import Domain
from schemas.errors import DataError


def choose_id_column(names: Collection[str], domain: Domain, given: str | None) -> str | None:
    """The column of ids: the given one, else the domain's if the file has it."""
    return given or (domain.id_column if domain.id_column in names else None)


def check_columns(
    where: str, names: Sequence[str], domain: Domain, id_column: str | None, *, is_partial: bool = False
) -> list[str]:
    """Check the columns of a file.

    Args:
        where: the file, for the message.
        names: its columns.
        domain: declares the features; the target and ignored columns may be there, and are left out.
        id_column: the column of ids, if there is one.
        is_partial: features may be missing that the domain requires.

    Returns:
        The ignored columns that the file has.

    Raises:
        DataError: a column is unknown or missing; the message names it.
    """
    known = ", ".join(domain.columns)
    if id_column is not None and id_column in domain.columns:
        raise DataError(f"{where}: the id column {id_column!r} is a feature of {domain.name}")
    if id_column is not None and id_column not in names:
        raise DataError(f"{where}: no id column {id_column!r}; the columns are {', '.join(names)}")
    expected = {*domain.columns, *domain.ignored, domain.target.name, domain.id_column, id_column}
    if unknown := [name for name in names if name not in expected]:
        raise DataError(
            f"{where}: unknown column {', '.join(map(repr, unknown))}; known columns are {known}; "
            "leave it out with --skip, rename it with --rename, or name it with --id-column if it has ids"
        )
    missing = [f.column for f in domain.features if not f.may_miss and f.column not in names]
    if missing and not is_partial:
        raise DataError(f"{where}: missing column {', '.join(map(repr, missing))}, required by {domain.name}")
    return [name for name in names if name in domain.ignored and name != id_column]
