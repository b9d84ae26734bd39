"""A connection on which a command is sent now and its reply is received later, and reading a group through it.

redis-py's clients wait for each reply. On a pipelined connection the server works while the caller does. One command at
a time is under way, or several that are sent as one. Nothing is sent again after a lost connection: only the caller
knows what that did to its command.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sized
from typing import Any

import hiredis
import redis.asyncio
import redis.exceptions

from transport.async_cluster import AsyncClusterClient
from transport.connection import SOCKET_TIMEOUT_S, note_failure, open_without_timeout
from transport.consumer_group import Entry
from transport.owner_watch import OwnerWatch
from transport.slots import CHANGES, CONNECT_TIMEOUT_S, Node, Route, is_change

READ_BYTES = 1 << 20
"""A read takes as much as has arrived: a batch is five times as large as redis-py's 64 KiB."""


class PipelinedConnection:
    """A connection with a client's user to the server that has a key, opened by the first command.

    It asks the Sentinels or the cluster for that server each time it is opened. On a cluster, a connection serves the
    keys of one slot. A command that is redirected was not executed: it is sent again to where the redirection leads.

    Args:
        client: whose address and options are used.
        key: any key of the slot that is used: that of a shard's listings for the connections of a shard. Commands that
            `receive_all` replies to may have keys of any slot of the same node.
        timeout_s: for connecting and sending, and for a reply (see `receive`), in seconds.
    """

    def __init__(self, client: redis.asyncio.Redis, key: str, timeout_s: float = SOCKET_TIMEOUT_S) -> None:
        self._client = client
        self._key = key
        self._timeout_s = timeout_s
        self._connection: Any = None
        self._route: Route | None = None
        self._watch = OwnerWatch(client, key, self._drop) if isinstance(client, AsyncClusterClient) else None
        self._sent = b""

    async def send(self, *command: Any) -> None:
        """Send a command; unless the connection is congested, it has been sent when this returns.

        Raises:
            redis.exceptions.ConnectionError: the connection is lost, the command with it or not.
            redis.exceptions.TimeoutError: it could not be sent in time.
            redis.exceptions.ClusterDownError: no node of the cluster has the key.
        """
        # redis-py's own packing takes longer, and sends in pieces
        await self.send_packed(hiredis.pack_command(command))

    async def send_packed(self, commands: bytes) -> None:
        """Send packed commands, whose replies `receive_all` returns; raises as `send`."""
        if self._is_closed:
            # by the server, while nothing was under way: nothing is lost with it
            await self._drop()
        self._sent = commands
        if self._route:
            self._route.begin()
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._connection is None or not self._connection.is_connected:
                    await self._open()
                await self._connection.send_packed_command(commands, check_health=False)
        except TimeoutError as error:
            await self._drop()
            raise redis.exceptions.TimeoutError(f"not sent within {self._timeout_s:g} s") from error
        except RuntimeError as error:
            # what uvloop raises when the connection is reset during sending
            await self._drop()
            raise redis.exceptions.ConnectionError(str(error)) from error

    async def receive(self, extra_s: float = 0.0) -> Any:
        """The reply to the command under way.

        Args:
            extra_s: added to the timeout, for a command that itself waits.

        Raises:
            redis.exceptions.ResponseError: the server's answer.
            redis.exceptions.ConnectionError: the connection is lost, and the reply with it.
            redis.exceptions.TimeoutError: no reply in time; the connection is closed.
        """
        if self._watch and self._route:
            self._watch.start(self._route.node, extra_s)
        try:
            async with asyncio.timeout(self._timeout_s + extra_s):
                while True:
                    try:
                        return await self._connection.read_response(timeout=math.inf)
                    except redis.exceptions.AskError as error:
                        await self._send_again(error)
        except TimeoutError as error:
            await self._leave(error)
            raise redis.exceptions.TimeoutError(f"no reply within {self._timeout_s + extra_s:g} s") from error
        except (*CHANGES, redis.exceptions.ConnectionError) as error:
            await self._leave(error)
            raise
        finally:
            if self._watch:
                await self._watch.stop()

    async def _leave(self, error: BaseException) -> None:
        """Close the connection to a server that may be silent, replaced or cut off from the others."""
        note_failure(self._client, error)
        await self._drop()

    async def _open(self) -> None:
        """Connect to the server that has the key now."""
        if isinstance(self._client, AsyncClusterClient):
            self._route = await self._client.route_to(self._key)
            await self._connect_to(self._client, self._route.node)
        else:
            self._connection = await open_without_timeout(self._client.connection_pool, READ_BYTES)

    async def _connect_to(self, client: AsyncClusterClient, node: Node) -> None:
        """Connect to a node; one that accepts connections and does not answer is given up soon, as one that is away."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._connection = await open_without_timeout(client.client_of(node).connection_pool, READ_BYTES)
        except TimeoutError as error:
            late = f"{node[0]}:{node[1]} did not answer for {CONNECT_TIMEOUT_S:g} s"
            raise redis.exceptions.TimeoutError(late) from error

    async def _send_again(self, error: redis.exceptions.AskError) -> None:
        """Send the command under way to where a redirection leads."""
        if self._route is None or not isinstance(self._client, AsyncClusterClient):
            raise error
        self._route.follow(error)
        await self._connection.disconnect()
        await self._connect_to(self._client, self._route.node)
        if self._route.is_asked:
            # the next command on this connection is redirected back, as long as the slot has not moved
            await self._connection.send_packed_command(hiredis.pack_command(("ASKING",)), check_health=False)
            await self._connection.read_response(timeout=math.inf)
        await self._connection.send_packed_command(self._sent, check_health=False)

    async def receive_all(self, count: int) -> list[Any]:
        """The replies to so many commands under way; the error that answers one of them stands in its place.

        Raises:
            redis.exceptions.ConnectionError: the connection is lost, and the replies with it.
            redis.exceptions.TimeoutError: not all replies came in time; the connection is closed.
        """
        # parsed as one list, which takes half of the time of redis-py's reading one by one
        parser = hiredis.Reader(replyError=redis.exceptions.ResponseError)
        parser.feed(b"*%d\r\n" % count)
        try:
            async with asyncio.timeout(self._timeout_s):
                while (replies := parser.gets()) is False:
                    parser.feed(await self._received())
        except TimeoutError as error:
            await self._drop()
            raise redis.exceptions.TimeoutError(f"no replies within {self._timeout_s:g} s") from error
        if self._route and any(is_change(reply) for reply in replies):
            # the next command asks the cluster again
            await self._drop()
        return list(replies)

    async def _received(self) -> bytes:
        """What the server has sent since the last call, at least one byte."""
        stream = self._connection._reader  # noqa: SLF001 - redis-py has no public way
        data: bytes = await stream.read(READ_BYTES) if stream else b""
        if not data:
            await self._drop()
            raise redis.exceptions.ConnectionError("the connection was closed before the replies arrived")
        return data

    async def ask(self, *command: Any) -> Any:
        """Send a command and wait for its reply; raises as both."""
        await self.send(*command)
        return await self.receive()

    async def close(self) -> None:
        """Close the connection; a later command opens a new one."""
        if self._connection:
            await self._connection.disconnect()

    @property
    def _is_closed(self) -> bool:
        """Whether the peer has closed the connection, as far as is known.

        From Python 3.12 on, writing to asyncio's transport after that fails with an AttributeError.
        """
        if self._connection is None or not self._connection.is_connected:
            return False
        reader, writer = self._connection._reader, self._connection._writer  # noqa: SLF001 - redis-py has no public way
        return bool(reader.at_eof() or writer.transport.is_closing())

    async def _drop(self) -> None:
        # a peer that does not answer will not answer a goodbye either
        if self._connection:
            await self._connection.disconnect(nowait=True)


class PipelinedReader:
    """Reads new entries for one consumer: a read is sent, and its entries are received later.

    Args:
        connection: for reads alone, since a read waits on the server.
        stream: its key.
        group: the group's name.
        consumer: the consumer's name.
        count: how many entries a read takes at most.
        block_ms: how long a read waits for a first entry.
    """

    def __init__(
        self, connection: PipelinedConnection, stream: str, group: str, consumer: str, *, count: int, block_ms: int
    ) -> None:
        self._connection = connection
        self._count = count
        self._block_s = block_ms / 1000
        self._head = ("XREADGROUP", "GROUP", group, consumer, "COUNT", count)
        self._block = ("BLOCK", block_ms)
        self._tail = ("STREAMS", stream, ">")

    async def send(self, *, is_blocking: bool) -> None:
        """Send a read; its entries must be received before the next one is sent.

        Args:
            is_blocking: whether the read waits for a first entry.

        Raises:
            redis.exceptions.RedisError: entries may have been delivered nevertheless.
        """
        await self._connection.send(*self._head, *(self._block if is_blocking else ()), *self._tail)

    async def receive(self) -> list[Entry]:
        """The entries of the read under way. Never cancel this: entries would be delivered and forgotten.

        Raises:
            redis.exceptions.RedisError: entries may have been delivered nevertheless.
        """
        reply = await self._connection.receive(self._block_s)
        return [Entry(entry_id, flat) for _, entries in reply or () for entry_id, flat in entries]

    def is_full(self, entries: Sized) -> bool:
        """Whether a read took as many entries as it may, so that the stream may hold more."""
        return len(entries) >= self._count
