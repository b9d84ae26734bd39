"""Files of tables: their size and digest, and errors that name the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import DataError

DIGEST_CHARACTERS = 16


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into a DataError that names the file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def size_of(path: Path) -> int:
    """The size of a file in bytes.

    Raises:
        DataError: there is no such file, it is not a regular file, or it is empty.
    """
    with reading(path):
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
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_CHARACTERS]
