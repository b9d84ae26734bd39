"""The header of a table: names are checked, columns are renamed, and index columns and skipped ones are left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from schemas.errors import DataError
from tables.options import TableOptions

# as pandas names a column that had no name
_UNNAMED = re.compile(r"Unnamed: 0(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table.

    Attributes:
        names: of the columns that are read, in the order of the file.
        mask: for each column of the file, whether it is read.
        index: a saved index, which is left out, as named in the file; empty if there is none.
    """

    names: list[str]
    mask: list[bool]
    index: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all columns are read."""
        return all(self.mask)


def read_header(where: str, cells: Sequence[str], options: TableOptions, index: Collection[str] = ()) -> Header:
    """Read a header.

    A first column without a name is a saved index: row numbers, or R's row names.

    Args:
        where: the file, for messages.
        cells: names as in the file.
        options: columns to rename and to skip.
        index: names of index columns that the format itself tells.

    Raises:
        DataError: a column has no name or a duplicate name, or an option names a column that does not exist.
    """
    names = [cell.strip() for cell in cells]
    check_options(where, names, options)
    is_index = [
        name in index or (position == 0 and len(names) > 1 and (not name or _UNNAMED.fullmatch(name) is not None))
        for position, name in enumerate(names)
    ]
    mask = [not left_out and name not in options.skip for name, left_out in zip(names, is_index, strict=True)]
    read = [options.rename.get(name, name) for name, is_read in zip(names, mask, strict=True) if is_read]
    for position, name in enumerate(names, start=1):
        if mask[position - 1] and not name:
            raise DataError(f"{where}: column {position} has no name")
    if duplicates := [name for name in read if read.count(name) > 1]:
        positions = [str(n) for n, name in enumerate(names, start=1) if options.rename.get(name, name) == duplicates[0]]
        raise DataError(f"{where}: duplicate column {duplicates[0]!r} (columns {' and '.join(positions)})")
    left_out = tuple(name for name, is_left_out in zip(names, is_index, strict=True) if is_left_out)
    return Header(read, mask, left_out)


def check_options(where: str, names: Collection[str], options: TableOptions) -> None:
    """Check that the file has the columns that a user named.

    Raises:
        DataError: one does not exist; the message names it.
    """
    if unknown := [name for name in options.required if name not in names]:
        verb = "skip" if unknown[0] in options.skip else "rename"
        raise DataError(f"{where}: no column {unknown[0]!r} to {verb}; the columns are {', '.join(names)}")
