"""Reading streams in chunks, with the types that redis-py leaves open: ids and fields are bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis
import redis.exceptions

from schemas.streams import SCORERS, Streams
from transport.entries import EntryId

CHUNK = 1000
BLOCK_MS = 1000

RawEntry = tuple[bytes, dict[bytes, bytes]]


def scan(client: redis.Redis, key: str, first: str = "-", last: str = "+") -> Iterator[RawEntry]:
    """The entries of a stream, oldest first; none if the stream does not exist."""
    while entries := _entries(client.xrange(key, first, last, count=CHUNK)):
        yield from entries
        first = f"({entries[-1][0].decode()}"


def scan_back(client: redis.Redis, key: str) -> Iterator[RawEntry]:
    """The entries of a stream, newest first."""
    last = "+"
    while entries := _entries(client.xrevrange(key, last, "-", count=CHUNK)):
        yield from entries
        last = f"({entries[-1][0].decode()}"


def newest(client: redis.Redis, key: str, count: int) -> list[RawEntry]:
    """The last entries of a stream, newest first."""
    return _entries(client.xrevrange(key, count=count))


def entry_at(client: redis.Redis, key: str, entry_id: str) -> RawEntry | None:
    """The entry with that id; None if there is none."""
    entries = _entries(client.xrange(key, entry_id, entry_id))
    return entries[0] if entries else None


def _entries(reply: Any) -> list[RawEntry]:
    return list(reply)


def pending(client: redis.Redis, streams: Streams) -> Iterator[bytes]:
    """Ids of the pending listings, oldest first; none if there is no group."""
    first = "-"
    try:
        while held := _ids(client.xpending_range(streams.listings, SCORERS, first, "+", CHUNK)):
            yield from held
            first = f"({held[-1].decode()}"
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith("NOGROUP"):
            raise


def _ids(reply: Any) -> list[bytes]:
    return [each["message_id"] for each in reply]


def last_delivered(client: redis.Redis, streams: Streams) -> EntryId:
    """The last listing that was delivered to consumers; 0-0 if there is no stream or group."""
    try:
        groups: Any = client.xinfo_groups(streams.listings)
    except redis.exceptions.ResponseError as error:
        if "no such key" not in str(error):
            raise
        return EntryId(0, 0)
    delivered = (group["last-delivered-id"] for group in groups if group["name"] == SCORERS.encode())
    return EntryId.parse(next(delivered, "0-0"))
