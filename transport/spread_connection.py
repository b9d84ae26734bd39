"""Packed commands with keys of any slot, which are sent at once, and whose replies are received later.

One server takes them as one piece. On a cluster each node gets those of its keys as one piece, on a connection of its
own, so that the nodes work at the same time: all of it takes as long as one round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
import redis.exceptions
from redis.exceptions import RedisError

from transport.async_cluster import AsyncClusterClient
from transport.connection import SOCKET_TIMEOUT_S, note_failure
from transport.pipelined_connection import PipelinedConnection
from transport.slots import Node, is_redirection

_ONE_SERVER: Node = ("", 0)


class SpreadConnection:
    """Connections with a client's user to all servers that have the keys of the commands, opened when first needed.

    What a node redirects was not executed: it is sent again to where it belongs now. A connection that fails closes all
    of them, and the next commands go by what the cluster says then.

    Args:
        client: whose address and options are used.
        timeout_s: as of a `PipelinedConnection`, for the part of each node.
    """

    def __init__(self, client: redis.asyncio.Redis, timeout_s: float = SOCKET_TIMEOUT_S) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._connections: dict[Node, PipelinedConnection] = {}
        self._keys: Sequence[bytes] = ()
        self._commands: Sequence[bytes] = ()
        self._parts: dict[Node, Sequence[int]] = {}

    async def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> None:
        """Send packed commands, of one key each, whose replies must be received before the next are sent.

        Raises:
            redis.exceptions.RedisError: some may have been executed.
        """
        self._keys, self._commands = keys, commands
        await self._send(await self._split(range(len(keys))))

    async def receive(self) -> list[Any]:
        """The replies in order; the error that answers a command stands in its place.

        Raises:
            redis.exceptions.ConnectionError: a connection is lost, and replies with it, or they were not all sent.
            redis.exceptions.TimeoutError: not all replies of a node came in time.
        """
        received = await self._receive()
        if not isinstance(self._client, AsyncClusterClient):
            ((_, replies),) = received
            return replies
        replies = [None] * len(self._commands)
        if redirected := _put(replies, received):
            # slots have moved: by the node that has them now
            await self.close()
            await self._send(await self._split(redirected, is_asked_anew=True))
            for number in _put(replies, await self._receive()):
                replies[number] = await self._follow(number)
        return replies

    async def one_of_each(self, keys: Sequence[bytes]) -> list[bytes]:
        """One of the keys for each server that has some of them.

        Raises:
            redis.exceptions.RedisError: the cluster does not say who owns what, or nobody owns the slot of a key.
        """
        if not isinstance(self._client, AsyncClusterClient):
            return list(keys[:1])
        return [keys[numbers[0]] for numbers in (await self._client.parts_of(keys)).values()]

    async def close(self) -> None:
        """Close the connections; later commands open new ones."""
        connections, self._connections, self._parts = self._connections, {}, {}
        for connection in connections.values():
            await connection.close()

    async def _split(self, numbers: Sequence[int], *, is_asked_anew: bool = False) -> dict[Node, Sequence[int]]:
        """The numbers of commands by the node that has their keys."""
        if not isinstance(self._client, AsyncClusterClient):
            return {_ONE_SERVER: numbers}
        parts = await self._client.parts_of([self._keys[number] for number in numbers], is_asked_anew=is_asked_anew)
        return {node: [numbers[index] for index in part] for node, part in parts.items()}

    async def _send(self, parts: dict[Node, Sequence[int]]) -> None:
        self._parts = parts
        try:
            for node, numbers in parts.items():
                connection = self._connections.get(node)
                if connection is None:
                    key = self._keys[numbers[0]].decode()
                    connection = self._connections[node] = PipelinedConnection(self._client, key, self._timeout_s)
                is_all = len(numbers) == len(self._commands)
                commands = self._commands if is_all else [self._commands[number] for number in numbers]
                await connection.send_packed(b"".join(commands))
        except (RedisError, OSError) as error:
            await self._fail(error)
            raise

    async def _receive(self) -> list[tuple[Sequence[int], list[Any]]]:
        """The replies of each node, with the numbers of their commands. While some are read, those of others arrive."""
        if not self._parts:
            raise redis.exceptions.ConnectionError("the commands were not sent")
        parts, self._parts = self._parts, {}
        try:
            return [
                (numbers, await self._connections[node].receive_all(len(numbers))) for node, numbers in parts.items()
            ]
        except (RedisError, OSError) as error:
            await self._fail(error)
            raise

    async def _follow(self, number: int) -> Any:
        """The reply to one command, wherever redirections lead: its slot is being moved."""
        connection = PipelinedConnection(self._client, self._keys[number].decode(), self._timeout_s)
        try:
            await connection.send_packed(self._commands[number])
            return await connection.receive()
        except redis.exceptions.ResponseError as error:
            return error
        finally:
            await connection.close()

    async def _fail(self, error: BaseException) -> None:
        note_failure(self._client, error)
        await self.close()


def _put(replies: list[Any], received: Sequence[tuple[Sequence[int], list[Any]]]) -> list[int]:
    """Put replies in their places; returns the numbers of commands that a node redirects, in order."""
    redirected: list[int] = []
    for numbers, part in received:
        for number, reply in zip(numbers, part, strict=True):
            replies[number] = reply
            if is_redirection(reply):
                redirected.append(number)
    return sorted(redirected)
