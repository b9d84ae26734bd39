"""Tables from the UCI repository, through ucimlrepo.

ucimlrepo finds the table and checks that it can be read, but hands it over as pandas has guessed its types, and without
the bytes. So the file that it names is what we read.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import DataError


def find_url(number: str, timeout_s: float) -> str:
    """The address of a dataset's table.

    Args:
        number: of the dataset in the repository.
        timeout_s: how long the repository may be silent.

    Raises:
        DataError: there is no such dataset, or the repository cannot be reached.
    """
    from ucimlrepo import DatasetNotFoundError, fetch_ucirepo

    if not (number.isascii() and number.isdigit()):
        raise DataError(f"uci:{number}: name a dataset by its number, as uci:544")
    try:
        with _patience(timeout_s):
            found = fetch_ucirepo(id=int(number))
    except (DatasetNotFoundError, OSError, ValueError, KeyError) as error:
        raise DataError(f"uci:{number}: {' '.join(str(error).split()) or type(error).__name__}") from error
    return str(found.metadata.data_url)


@contextmanager
def _patience(timeout_s: float) -> Iterator[None]:
    """Ucimlrepo has no setting for it: what it opens takes the default of sockets."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout_s)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
