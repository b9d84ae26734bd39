"""A chunk as Redis reads it, and its replies as entry ids or as the error that says what is not confirmed.

XADDs are packed here because redis-py's own pipeline costs three times as much a listing. They are no transaction: each
reply stands for its listing, so when the connection breaks in the middle, what was answered until then is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import redis.exceptions

from schemas.errors import PublishError, PublishInterruptedError
from schemas.streams import DATA_FIELD
from transport.address import without_password
from transport.connection import is_transient

PIECE_LISTINGS = 200
"""Listings packed at once: Redis works on one piece while the next is packed."""

LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
"""What ends a conversation; every other error is one listing's reply."""


def pack(stream: str, chunk: Sequence[bytes]) -> Iterator[bytes]:
    """The XADD commands of a chunk in Redis's protocol, piece by piece."""
    key = stream.encode()
    head = b"*5\r\n$4\r\nXADD\r\n$%d\r\n%b\r\n$1\r\n*\r\n$%d\r\n%b\r\n" % (len(key), key, len(DATA_FIELD), DATA_FIELD)
    for start in range(0, len(chunk), PIECE_LISTINGS):
        piece = chunk[start : start + PIECE_LISTINGS]
        yield b"".join([b"%b$%d\r\n%b\r\n" % (head, len(payload), payload) for payload in piece])


def settle(
    url: str, chunk: Sequence[bytes], replies: Sequence[bytes | Exception], lost: Exception | None = None
) -> list[str]:
    """The entry ids of a chunk.

    Args:
        url: where it was sent, for the message.
        chunk: what was sent.
        replies: an entry id or an error for each of the first listings of the chunk.
        lost: why there are no more.

    Raises:
        PublishInterruptedError: the connection broke, or Redis cannot write now.
        PublishError: Redis will not take these listings, now or later.
    """
    entry_ids = [reply.decode() for reply in replies if isinstance(reply, bytes)]
    if len(entry_ids) == len(chunk):
        return entry_ids
    answered = zip(chunk, replies, strict=False)
    refused = [(payload, reply) for payload, reply in answered if isinstance(reply, Exception)]
    cause = lost or refused[0][1]
    unconfirmed = [*(payload for payload, _ in refused), *chunk[len(replies) :]]
    raise failure(url, cause, entry_ids, unconfirmed) from cause


def failure(
    url: str, cause: Exception, entry_ids: Sequence[str] = (), unconfirmed: Sequence[bytes] = ()
) -> PublishError:
    """The error that says why a chunk is not confirmed."""
    where, why = f"Redis at {without_password(url)}", str(cause).rstrip(".")
    count = len(unconfirmed)
    if is_transient(cause):
        advice = "publish them again with the same ids, what did arrive is dropped as a repeat"
        message = f"{where} takes no listings now: {why}; unconfirmed: {count:,}; {advice}"
        return PublishInterruptedError(message, entry_ids, unconfirmed)
    return PublishError(f"{where} refused listings: {why}; unconfirmed: {count:,}", entry_ids, unconfirmed)
