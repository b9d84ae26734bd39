"""Which columns can be features; all that cannot are named at once, with the options that leave them out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from schemas.errors import DataError
from tasador.drafting.profile import MAX_TEXTS, ColumnProfile


def check_columns(source: str, columns: Sequence[ColumnProfile]) -> None:
    """Check that each column can be a feature.

    Raises:
        DataError: some cannot; the message names each with its reason and the options that leave it out.
    """
    reasons = {column.name: reason for column in columns if (reason := _why_unsuitable(column))}
    if not reasons:
        return
    listed = "; ".join(f"the column {name!r} {reason}" for name, reason in reasons.items())
    options = " ".join(f"--skip {shlex.quote(name)}" for name in reasons)
    renaming = ", or rename it with --rename" if any(not _is_nameable(name) for name in reasons) else ""
    raise DataError(f"{source}: {listed}{renaming}; leave out with {options}")


def _why_unsuitable(column: ColumnProfile) -> str | None:
    if not _is_nameable(column.name):
        return "has a quote, a backslash or a control character in its name"
    if column.is_empty:
        return "is empty"
    if len(column.texts) > MAX_TEXTS:
        return f"has more than {MAX_TEXTS} distinct texts, too many for a category"
    if column.texts and len(column.distinct) > MAX_TEXTS:
        return f"mixes numbers with texts such as {next(iter(column.texts))!r}"
    return None


def _is_nameable(name: str) -> bool:
    """Whether a listing can have a feature of this name."""
    return name.isprintable() and not any(character in name for character in '"\\')
