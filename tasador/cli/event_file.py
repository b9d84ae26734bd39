"""A file of events, one JSON line each, that can be added to again after any end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from schemas.errors import DataError

_LONGEST_LINE = 1024 * 1024


class EventFile:
    """Adds events to the end of a file; each is there whole when `add` returns, whoever is killed next.

    What a crash left of a line is cut off, so that the file holds whole events only and `last_entry` tells where to go
    on without a gap and without writing an event twice.

    Args:
        path: of the file; made if there is none.

    Attributes:
        last_entry: entry id of the last event in the file; None where it is empty.

    Raises:
        DataError: it cannot be written, or holds something else than events.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab+")
            self.last_entry = self._cut_to_whole_lines()
        except OSError as error:
            raise self._cannot(error) from error

    def add(self, event: dict[str, Any]) -> None:
        """Add one event.

        Raises:
            DataError: it cannot be written.
        """
        try:
            self._file.write(json.dumps(event, default=str).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._cannot(error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _cut_to_whole_lines(self) -> str | None:
        size = self._file.seek(0, os.SEEK_END)
        start = max(size - _LONGEST_LINE, 0)
        self._file.seek(start)
        tail = self._file.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        last = whole[:-1].rpartition(b"\n")[2]
        entry = _entry_of(last)
        if size and entry is None and (last or start):
            self._file.close()
            raise DataError(f"{self._path}: holds no events of `tasador tail`; name another file")
        self._file.truncate(start + len(whole))
        return entry

    def _cannot(self, error: OSError) -> DataError:
        return DataError(f"{self._path}: cannot be written: {error.strerror or error}")


def _entry_of(line: bytes) -> str | None:
    try:
        entry = json.loads(line)["entry_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return entry if isinstance(entry, str) else None
