"""A file of receipts: the entry id of each listing that Redis confirmed, one a line, for `tasador verify --ids`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from schemas.errors import DataError


class Receipts:
    """Receipts as they come; written through, so that a publisher that dies has left those it was given."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def add(self, entry_ids: Sequence[str]) -> None:
        """Keep what was confirmed.

        Raises:
            DataError: it cannot be written.
        """
        if self._file is None or not entry_ids:
            return
        try:
            self._file.write("".join(f"{entry_id}\n" for entry_id in entry_ids))
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._file.name, error) from error


@contextmanager
def keeping_receipts(path: Path | None) -> Iterator[Receipts]:
    """Receipts in a new file, or in none.

    Raises:
        DataError: it cannot be written.
    """
    if path is None:
        yield Receipts(None)
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise _unwritable(str(path), error) from error
    with file:
        yield Receipts(file)


def _unwritable(name: str, error: OSError) -> DataError:
    return DataError(f"{name}: cannot be written: {error.strerror}")
