"""Reads the lines of a text file one by one, with errors that name the line; size and digest of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import DataError

MAX_LINE_BYTES = 16 * 1024 * 1024
DIGEST_CHARACTERS = 16


class TextLines:
    """The lines of a UTF-8 file, with one line in memory.

    Attributes:
        path: of the file.
        read_bytes: progress of the latest iteration.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_bytes = 0

    def __iter__(self) -> Iterator[str]:
        self.read_bytes = 0
        with _reading(self.path), self.path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
                self.read_bytes += len(line)
                # spreadsheets write a byte order mark before UTF-8
                yield self._decoded(line, number).removeprefix("\ufeff" if number == 1 else "")

    def _decoded(self, line: bytes, number: int) -> str:
        if len(line) > MAX_LINE_BYTES:
            raise DataError(f"{self.path} line {number}: longer than {MAX_LINE_BYTES:,} bytes; is this a text file?")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path} line {number}: not UTF-8: {error.reason} at byte {error.start + 1}"
            ) from error


def size_of(path: Path) -> int:
    """The size of a file in bytes.

    Raises:
        DataError: there is no such file, it is not a regular file, or it is empty.
    """
    with _reading(path):
        size = path.stat().st_size
    if not path.is_file():
        raise DataError(f"{path}: is not a regular file")
    if size == 0:
        raise DataError(f"{path}: is empty")
    return size


def digest_of(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256.

    Raises:
        DataError: it cannot be read.
    """
    with _reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_CHARACTERS]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
