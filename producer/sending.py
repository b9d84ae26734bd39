"""Sends a chunk of events; each is confirmed by its entry id, or listed as unconfirmed."""

from __future__ import annotations

from collections.abc import Sequence

import redis
import redis.exceptions

from producer.routing import ShardChunk, join_parts
from producer.wire import CONNECTION_ERRORS, confirm, entry_arguments, failure, pack, redirected
from schemas.errors import PublishError
from transport.connection import note_failure, pool_of


def send_parts(client: redis.Redis, url: str, parts: Sequence[ShardChunk], reply_to: str | None = None) -> list[str]:
    """Add the parts of a chunk to their shards; returns the names of the entries in the chunk's order.

    Arguments and errors as of `send_chunk`; after an error the parts that follow are not sent.
    """
    if len(parts) == 1 and not parts[0].streams.shard:
        return send_chunk(client, url, parts[0].streams.listings, parts[0].payloads, reply_to)
    results: list[Sequence[str] | PublishError] = []
    for part in parts:
        try:
            results.append(send_chunk(client, url, part.streams.listings, part.payloads, reply_to))
        except PublishError as error:
            results.append(error)
            break
    return join_parts(url, parts, results)


def send_chunk(
    client: redis.Redis, url: str, stream: str, chunk: list[bytes], reply_to: str | None = None
) -> list[str]:
    """Add a chunk of events to a stream in one round trip, and return their entry ids in order.

    Args:
        client: replies must be bytes.
        url: of Redis, for messages.
        stream: the key.
        chunk: events as JSON.
        reply_to: the name of the stream of replies that gets the answers, put beside each event.

    Raises:
        PublishInterruptedError: the connection broke, or Redis cannot write now.
        PublishError: Redis rejected events permanently.
    """
    try:
        pool = pool_of(client, stream)
        connection = pool.get_connection()
    except redis.exceptions.RedisError as error:
        note_failure(client, error)
        raise failure(url, error, unconfirmed=chunk) from error
    replies: list[bytes | Exception] = []
    lost: Exception | None = None
    try:
        connection.send_packed_command(pack(stream, chunk, reply_to), check_health=False)
        while len(replies) < len(chunk):
            try:
                replies.append(connection.read_response())
            except redis.exceptions.ResponseError as error:
                replies.append(error)
    except CONNECTION_ERRORS as error:
        lost = error
    finally:
        # unread replies must not be taken for those of the next chunk
        if len(replies) < len(chunk):
            connection.disconnect()
        pool.release(connection)
    for number in redirected(replies):
        try:
            xadd = ("XADD", stream, *entry_arguments(chunk[number], reply_to))
            replies[number] = client.execute_command(*xadd)  # type: ignore[no-untyped-call]
        except (redis.exceptions.RedisError, OSError) as error:
            lost, replies = error, replies[:number]
            break
    try:
        return confirm(url, chunk, replies, lost)
    except PublishError as error:
        note_failure(client, error.__cause__ or error)
        raise
