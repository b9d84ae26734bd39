"""A file of events as JSON lines, which `tasador tail --out` can continue after a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Self

from schemas.errors import DataError
from schemas.shards import split_entry

_LONGEST_LINE = 1024 * 1024


class EventFile:
    """Appends events to a file; an event is completely written when `add` returns.

    A partial line that a crash left is cut off when the file is opened, so that writing can continue after
    `last_entry` without a gap or a duplicate.

    Args:
        path: of the file; it is created if it does not exist.

    Attributes:
        last_entry: name of the last event's entry in the file; None if the file is empty.

    Raises:
        DataError: the file cannot be written, or holds something else than events.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab+")
            self.last_entry = self._cut_to_whole_lines()
        except OSError as error:
            raise self._write_error(error) from error

    def add(self, event: dict[str, Any]) -> None:
        """Append one event.

        Raises:
            DataError: the file cannot be written.
        """
        try:
            self._file.write(json.dumps(event, default=str).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._write_error(error) from error

    def positions(self, shards: int) -> dict[int, str]:
        """By shard, the id of its last event in the file; empty if the file is.

        For a shard without an event there it is the id of the first event: what is older does not belong to the file.
        """
        if self.last_entry is None:
            return {}
        if shards == 1 and "@" not in self.last_entry:
            return {0: self.last_entry}
        found: dict[int, str] = {}
        first = ""
        with self._path.open("rb") as lines:
            for line in lines:
                shard, entry_id = split_entry(_entry_of(line) or "")
                first = first or entry_id
                found[shard] = entry_id
        return {shard: found.get(shard, first) for shard in range(shards)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

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
            raise DataError(f"{self._path}: does not hold events of `tasador tail`; name another file")
        self._file.truncate(start + len(whole))
        return entry

    def _write_error(self, error: OSError) -> DataError:
        return DataError(f"{self._path}: cannot be written: {error.strerror or error}")


def _entry_of(line: bytes) -> str | None:
    try:
        entry = json.loads(line)["entry_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return entry if isinstance(entry, str) else None
