"""Sending a chunk over one connection, so that every entry is either confirmed or named as unconfirmed."""

from __future__ import annotations

import redis
import redis.exceptions

from producer.wire import LOST, failure, pack, settle


def send_chunk(client: redis.Redis, url: str, stream: str, chunk: list[bytes]) -> list[str]:
    """Add a chunk of events to a stream, in one round trip, and return their entry ids in order.

    Args:
        client: replies must be bytes.
        url: of the Redis, for messages.
        stream: the key.
        chunk: events as JSON.

    Raises:
        PublishInterruptedError: the connection broke, or Redis cannot write now.
        PublishError: Redis will not take these events, now or later.
    """
    try:
        connection = client.connection_pool.get_connection()
    except redis.exceptions.RedisError as error:
        raise failure(url, error, unconfirmed=chunk) from error
    replies: list[bytes | Exception] = []
    lost: Exception | None = None
    try:
        connection.send_packed_command(pack(stream, chunk), check_health=False)  # type: ignore[no-untyped-call]
        while len(replies) < len(chunk):
            try:
                replies.append(connection.read_response())
            except redis.exceptions.ResponseError as error:
                replies.append(error)
    except LOST as error:
        lost = error
    finally:
        # replies that nobody has read must not become those of the next chunk
        if len(replies) < len(chunk):
            connection.disconnect()  # type: ignore[no-untyped-call]
        client.connection_pool.release(connection)
    return settle(url, chunk, replies, lost)
