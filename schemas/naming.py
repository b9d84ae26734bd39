"""Names for further columns of a table whose own columns may have any name."""

from __future__ import annotations

from collections.abc import Collection


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The wanted name, with as many underscores after it as make it differ from the names that are taken."""
    while wanted in taken:
        wanted += "_"
    return wanted
