"""A file with the entry id of each listing that Redis confirmed, one a line, for `tasador verify --ids`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from schemas.errors import DataError


class ReceiptFile:
    """Writes entry ids at once, so that a publisher that crashes leaves all that were confirmed."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def add(self, entry_ids: Sequence[str]) -> None:
        """Append entry ids.

        Raises:
            DataError: the file cannot be written.
        """
        if self._file is None or not entry_ids:
            return
        try:
            self._file.write("".join(f"{entry_id}\n" for entry_id in entry_ids))
            self._file.flush()
        except OSError as error:
            raise _write_error(self._file.name, error) from error


@contextmanager
def open_receipt_file(path: Path | None) -> Iterator[ReceiptFile]:
    """Open a new file of receipts; without a path, receipts are discarded.

    Raises:
        DataError: the file cannot be written.
    """
    if path is None:
        yield ReceiptFile(None)
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise _write_error(str(path), error) from error
    with file:
        yield ReceiptFile(file)


def _write_error(name: str, error: OSError) -> DataError:
    return DataError(f"{name}: cannot be written: {error.strerror}")
