"""Reading the replies to many commands that were sent together on a connection of redis-py's."""

from __future__ import annotations

from typing import Any

import hiredis
import redis.exceptions

READ_BYTES = 1 << 16


async def read_replies(connection: Any, count: int, replies: list[Any]) -> None:
    """Add so many replies to a list; the error that answers one command stands in its place.

    redis-py's reading of one reply takes several microseconds, ten times as long as parsing it.

    Args:
        connection: on which nothing else is under way; from an asynchronous pool.
        count: how long the list shall be.
        replies: holds at the end those that have come, even if the connection was lost.

    Raises:
        redis.exceptions.ConnectionError: the connection is lost, and the missing replies with it.
    """
    # redis-py has no public way
    stream, to_error = connection._reader, connection._parser.parse_error  # noqa: SLF001
    parser = hiredis.Reader(protocolError=redis.exceptions.InvalidResponse, replyError=to_error)
    while len(replies) < count:
        reply = parser.gets()
        if reply is not False:
            replies.append(reply)
        elif data := await stream.read(READ_BYTES):
            parser.feed(data)
        else:
            raise redis.exceptions.ConnectionError("the connection was closed before the replies arrived")
