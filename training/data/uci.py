"""Addresses of tables in the UCI repository, through ucimlrepo.

ucimlrepo itself returns tables with types guessed by pandas, and without their bytes. So only the address is used.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import DataError


def find_url(number: str, timeout_s: float) -> str:
    """Look up the address of a dataset's table.

    Args:
        number: of the dataset in the repository.
        timeout_s: the repository's longest silence.

    Raises:
        DataError: the dataset does not exist, or the repository cannot be reached.
    """
    from ucimlrepo import DatasetNotFoundError, fetch_ucirepo

    if not (number.isascii() and number.isdigit()):
        raise DataError(f"uci:{number}: name a dataset by its number, such as uci:544")
    try:
        with _socket_timeout(timeout_s):
            dataset = fetch_ucirepo(id=int(number))
    except (DatasetNotFoundError, OSError, ValueError, KeyError) as error:
        raise DataError(f"uci:{number}: {' '.join(str(error).split()) or type(error).__name__}") from error
    return str(dataset.metadata.data_url)


@contextmanager
def _socket_timeout(timeout_s: float) -> Iterator[None]:
    """Set the default timeout of sockets, because ucimlrepo has no setting of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout_s)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
