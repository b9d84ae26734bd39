"""Packs a chunk as XADD commands, and turns the replies into entry ids, or into an error with the unconfirmed events.

Packing XADDs here takes a third of the time per listing of redis-py's pipeline. They are not a transaction: each reply
belongs to a listing, so if the connection breaks, the listings with a reply are known to be on the stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import redis.exceptions

from schemas.errors import PublishError, PublishInterruptedError
from schemas.streams import DATA_FIELD, REPLY_FIELD
from transport.address import without_password
from transport.connection import NOT_ROUTED, is_transient

PIECE_LISTINGS = 200
"""Listings packed at once, so that Redis executes one piece while the next is packed."""

CONNECTION_ERRORS = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
"""Errors after which no reply follows; every other error is the reply to one listing."""


def pack(stream: str, chunk: Sequence[bytes], reply_to: str | None = None) -> Iterator[bytes]:
    """The XADD commands of a chunk in Redis's protocol, piece by piece; `reply_to` is put beside each event."""
    beside = (REPLY_FIELD, reply_to.encode()) if reply_to else ()
    head = b"*%d\r\n" % (5 + len(beside))
    head += b"".join(map(_packed, (b"XADD", stream.encode(), b"*", DATA_FIELD)))
    tail = b"".join(map(_packed, beside))
    for start in range(0, len(chunk), PIECE_LISTINGS):
        piece = chunk[start : start + PIECE_LISTINGS]
        yield b"".join([b"%b$%d\r\n%b\r\n%b" % (head, len(payload), payload, tail) for payload in piece])


def entry_arguments(payload: bytes, reply_to: str | None = None) -> tuple[str | bytes, ...]:
    """The arguments of one event's XADD after the key, for a client that packs it itself."""
    return ("*", DATA_FIELD, payload, *((REPLY_FIELD, reply_to) if reply_to else ()))


def redirected(replies: Sequence[bytes | Exception]) -> list[int]:
    """Numbers of the events that a node of a cluster did not add, because their slot has moved to another node."""
    return [number for number, reply in enumerate(replies) if isinstance(reply, redis.exceptions.AskError)]


def _packed(argument: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(argument), argument)


def confirm(
    url: str, chunk: Sequence[bytes], replies: Sequence[bytes | Exception], lost: Exception | None = None
) -> list[str]:
    """The entry ids of a chunk whose listings are all confirmed.

    Args:
        url: of Redis, for the message.
        chunk: the events that were sent.
        replies: an entry id or an error for each of the first listings of the chunk.
        lost: the error after which no reply followed.

    Raises:
        PublishInterruptedError: the connection broke, or Redis cannot write now.
        PublishError: Redis rejected listings permanently.
    """
    entry_ids = [reply.decode() for reply in replies if isinstance(reply, bytes)]
    if len(entry_ids) == len(chunk):
        return entry_ids
    answered = zip(chunk, replies, strict=False)
    rejected = [(payload, reply) for payload, reply in answered if isinstance(reply, Exception)]
    cause = lost or rejected[0][1]
    unconfirmed = [*(payload for payload, _ in rejected), *chunk[len(replies) :]]
    raise failure(url, cause, entry_ids, unconfirmed) from cause


def failure(
    url: str, cause: Exception, entry_ids: Sequence[str] = (), unconfirmed: Sequence[bytes] = ()
) -> PublishError:
    """The error of a chunk that is not confirmed."""
    server, reason = f"Redis at {without_password(url)}", str(cause).rstrip(".")
    count = len(unconfirmed)
    if isinstance(cause, redis.exceptions.MovedError):
        return PublishError(f"{server} {NOT_ROUTED}; unconfirmed: {count:,}", entry_ids, unconfirmed)
    if is_transient(cause):
        advice = "publish them again with the same ids; listings that did arrive are dropped as repeats"
        message = f"{server} does not accept listings now: {reason}; unconfirmed: {count:,}; {advice}"
        return PublishInterruptedError(message, entry_ids, unconfirmed)
    return PublishError(f"{server} rejected listings: {reason}; unconfirmed: {count:,}", entry_ids, unconfirmed)
